"""Replies of an endpoint on disk: what was paid for once is not asked again, also after a kill."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from zhiyin.execution.store import flush

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One question to an endpoint, and the prompt it belongs to."""

    prompt_id: str
    url: str
    body: Mapping[str, Any]
    stream: str
    """Names the sample: two samples of one prompt are two requests, though their bodies may be equal."""

    @property
    def whole(self) -> Json:
        """Everything the reply depends on."""
        return {"url": self.url, "body": dict(self.body), "stream": self.stream}

    @cached_property
    def key(self) -> str:
        """A hash of the whole request: endpoint, model, messages, sampling and sample stream."""
        canonical = json.dumps(self.whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Replies:
    """A folder with a file for each reply, `ab/abcd….json`; without a folder, they are kept in memory."""

    folder: Path | None = None
    _held: dict[str, Json] = field(default_factory=dict, repr=False)

    def find(self, request: Request) -> Json | None:
        """Return the reply to that very request, or None; raises `ValueError` for a file that is not one."""
        if request.key in self._held or self.folder is None:
            return self._held.get(request.key)
        file = self._file(self.folder, request)
        try:
            reply = json.loads(file.read_bytes())["reply"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file} is not a kept reply: {error}; remove it, and it is asked again") from error
        if not isinstance(reply, dict):
            raise ValueError(f"{file} holds no reply; remove it, and it is asked again")
        return reply

    def keep(self, request: Request, reply: Json) -> None:
        """Keep a reply: written whole under another name, flushed to the disk, then renamed."""
        if self.folder is None:
            self._held[request.key] = reply
            return
        file = self._file(self.folder, request)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        text = json.dumps({"request": request.whole, "reply": reply}, ensure_ascii=False)
        partial.write_text(text, encoding="utf-8", errors="surrogatepass")
        flush(partial)
        os.replace(partial, file)
        flush(file.parent)

    @staticmethod
    def _file(folder: Path, request: Request) -> Path:
        return folder / request.key[:2] / f"{request.key}.json"
