"""What all tests of sources share: samples of files, sources that read them, and what holds for every record."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zhiyin.data.collect import Config, collect
from zhiyin.data.sets import RecordSet, each
from zhiyin.data.sources import Source
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

Files = dict[str, str | bytes]
"""What each file holds, by its name."""


@dataclass(frozen=True)
class Sample:
    """Files of a source, its other fields, and how many of the rows are records and rejections.

    A path among the fields is one of the files.
    """

    records: int
    rejected: int
    files: Files = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


def source_of(name: str, sample: Sample, folder: Path) -> Source:
    """Write the sample's files and return the source that reads them."""
    for file, content in sample.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / file).write_bytes(raw)
    fields = {key: folder / value.name if isinstance(value, Path) else value for key, value in sample.fields.items()}
    place = {"files": [folder]} if sample.files and "file" not in fields else {}
    return make(Source, {"name": name, **fields, **place})


def collected(source: Source, out: Path) -> RecordSet:
    """Collect a source, however many of its rows are rejected."""
    return collect(Config(source=source, max_rejected=1), out=out, runtime=Runtime())


def made(name: str, sample: Sample, folder: Path) -> tuple[list[Conversation], list[Rejected]]:
    """Collect a sample; returns records and rejections."""
    found = collected(source_of(name, sample, folder / "in"), folder / "out")
    records = [record for record in found if isinstance(record, Conversation)]
    return records, list(found.rejected)


def texts(records: Iterable[Conversation]) -> list[list[str]]:
    """Return what is said in each conversation, without the roles."""
    return [[turn.content for turn in record.messages] for record in records]


def turns(record: object) -> list[tuple[str, str]]:
    """Return the turns of a conversation as pairs of role and text."""
    assert isinstance(record, Conversation)
    return [(turn.role, turn.content) for turn in record.messages]


def talk(*texts: str, key: str = "from") -> list[dict[str, str]]:
    """Return turns of ShareGPT, or with `key="role"` of OpenAI."""
    roles = ("human", "gpt") if key == "from" else ("user", "assistant")
    content = "value" if key == "from" else "content"
    return [{key: roles[place % 2], content: text} for place, text in enumerate(texts)]


def array(*rows: object) -> str:
    """Return a file that is one JSON array."""
    return json.dumps(rows, ensure_ascii=False)


def lines(*rows: object) -> str:
    """Return a file of JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def check(made: RecordSet) -> None:
    """Assert that ids are unique, no turn is empty, and roles alternate."""
    ids = set()
    for record in each(made):
        assert record.id not in ids
        assert record.source
        ids.add(record.id)
        if isinstance(record, Document):
            assert record.text.strip()
        elif isinstance(record, Conversation):
            _check_turns(record.messages, last="assistant")
        else:
            assert isinstance(record, Preference)
            _check_turns(record.prompt, last="user")
            assert record.chosen.strip()
            assert record.rejected.strip()
            assert record.chosen != record.rejected
    assert ids


def _check_turns(messages: tuple[Message, ...], last: str) -> None:
    body = messages[messages[0].role == "system" :]
    assert [turn.role for turn in body] == [("user", "assistant")[place % 2] for place in range(len(body))]
    assert body[-1].role == last
    assert all(turn.content.strip() for turn in messages)


class Watched(Mapping[str, Any]):
    """A row that remembers which columns were asked for."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self.row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.row)

    def __len__(self) -> int:
        return len(self.row)
