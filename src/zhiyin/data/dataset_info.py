"""One entry of LLaMA-Factory's `dataset_info.json`: where the rows lie, and what their columns and turns are called."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from zhiyin.data.tagged import Tags
from zhiyin.execution.catalog import nearest

REFUSED = {
    "kto_tag": "answers marked good or bad one by one are no pairs; there is no training on them here",
    "tools": "descriptions of tools cannot be trained on here",
    "images": "only text can be trained on",
    "videos": "only text can be trained on",
    "audios": "only text can be trained on",
}
"""Columns without which a row would mean something else."""


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
    """What the columns are called; those that are empty are not read."""

    prompt: str | None = None
    """The instruction, or the text to pre-train on."""
    query: str | None = None
    """What the instruction is about."""
    response: str | None = None
    history: str | None = None
    """Earlier turns, as pairs of question and answer."""
    messages: str | None = None
    """The turns of a dialogue."""
    system: str | None = None
    chosen: str | None = None
    rejected: str | None = None


USUAL = Columns(prompt="instruction", query="input", response="output", messages="conversations")
"""The columns of an entry that names none. Where it names some, LLaMA-Factory reads no others, and so it is here."""


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry says, as far as it says what a record is."""

    file_name: str = ""
    """A file or folder beside `dataset_info.json`."""
    hf_hub_url: str = ""
    """`owner/name` on the Hugging Face hub; it goes before `file_name`."""
    ms_hub_url: str = ""
    """`owner/name` on ModelScope."""
    om_hub_url: str = ""
    """A repository of another hub, which is not read here."""
    file_sha1: str = ""
    """Not checked: the bytes of a file are its identity here."""
    formatting: Literal["alpaca", "sharegpt"] = "alpaca"
    ranking: bool = False
    """The rows are preference pairs."""
    subset: str | None = None
    split: str = "train"
    folder: str | None = None
    num_samples: int | None = None
    """How many rows are drawn."""
    columns: Columns = USUAL
    tags: dict[str, str] = {}
    """What the parts of a turn are called, where that is not `from`, `value`, `human`, `gpt`."""

    @property
    def repository(self) -> str:
        """The repository that the rows lie in; empty for a file."""
        return self.hf_hub_url or self.ms_hub_url

    @property
    def part(self) -> str:
        """Which part of a repository is meant, in words."""
        named = {"subset": self.subset, "split": self.split, "folder": self.folder}
        return ", ".join(f"{name} {value}" for name, value in named.items() if value)


def read_entry(file: Path, name: str) -> Entry:
    """Return an entry; raises `ValueError`, naming file and entry, for one that is not there or cannot be read here."""
    try:
        entries: Any = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise ValueError(f"{file}: not valid JSON: {error}") from error
    if not isinstance(entries, dict) or name not in entries:
        known = tuple(entries) if isinstance(entries, dict) else ()
        more = f" and {len(known) - 20} more" if len(known) > 20 else ""
        there = f"{', '.join(known[:20]) or 'none'}{more}"
        raise ValueError(f"{file}: no entry {name!r}{nearest(name, known)}; it has {there}")
    found = entries[name]
    columns = found.get("columns") if isinstance(found, dict) else None
    for column, reason in REFUSED.items():
        if isinstance(columns, dict) and columns.get(column):
            raise ValueError(f"{file}: the entry {name!r} names a column of {column}: {reason}")
    try:
        entry = msgspec.convert(found, Entry)
    except msgspec.ValidationError as error:
        raise ValueError(f"{file}: the entry {name!r} cannot be read: {error}") from error
    if not entry.repository and not entry.file_name:
        raise ValueError(f"{file}: the entry {name!r} names neither a file nor a repository of a hub that is read here")
    if unknown := set(entry.tags) - set(Tags.model_fields):
        raise ValueError(f"{file}: the entry {name!r} has unknown tags: {', '.join(sorted(unknown))}")
    return entry
