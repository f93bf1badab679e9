"""Parts of a record set as lines: what the workers of a step hand back, and the set they add up to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from zhiyin.artifacts import RECORDS, REJECTED
from zhiyin.data.rejections import Rejections
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard
from zhiyin.data.sources import Record

BATCH = 256
"""Records worked on together: they, and arrays of all their characters, fit into a core's cache."""


class Part(Struct, frozen=True):
    """Some records of a set, in order."""

    lines: bytes
    """The records, a line each, with its line break."""
    sources: Counter[str]
    kinds: Counter[str]


class Gathered:
    """Records that become a part, some at a time; they themselves are let go."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._sources: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    def add(self, lines: Iterable[bytes], records: Sequence[Any]) -> None:
        """Add records: their lines, and what says source and kind of each."""
        self._lines.extend(lines)
        self._sources.update([record.source for record in records])
        self._kinds.update([record.kind for record in records])

    @property
    def part(self) -> Part:
        """All that was added."""
        return Part(b"".join(self._lines), self._sources, self._kinds)


def write_parts(kind: type[RecordSet], out: Path, parts: Iterable[Part], rejected: Rejections) -> RecordSet:
    """Write the parts in order, then what was rejected meanwhile; the summary is that of `RecordSet.write`."""
    sources, kinds = Counter[str](), Counter[str]()
    out.mkdir(parents=True, exist_ok=True)
    with (out / RECORDS).open("wb") as file:
        for part in parts:
            file.write(part.lines)
            sources.update(part.sources)
            kinds.update(part.kinds)

    rejected.write(out / REJECTED)
    summary = {
        "records": sources.total(),
        "sources": dict(sources.most_common()),
        "kinds": dict(kinds.most_common()),
        "rejected": dict(rejected.counts.most_common()),
    }
    return kind(out, summary)


def batches(shard: Shard, kind: type[RecordSet]) -> Iterator[tuple[list[bytes], list[Record]]]:
    """Yield the lines of a piece and the records in them, `BATCH` at a time.

    Raises `ValueError` with file and line when one does not fit the set's type.
    """
    lines, decode = shard.lines(), msgspec.json.Decoder(kind.record_type).decode
    for start in range(0, len(lines), BATCH):
        some, records = lines[start : start + BATCH], list[Any]()
        try:
            records.extend(map(decode, some))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            number = _lines_before(shard) + start + len(records) + 1
            raise ValueError(f"{shard.path}:{number}: not a {kind.record_type.__name__}: {error}") from error
        yield some, records


def _lines_before(shard: Shard) -> int:
    with shard.path.open("rb") as file:
        return file.read(shard.start).count(b"\n")
