"""Parts of a record set as lines: what the workers of a step hand back, and the set they add up to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Self, cast

import msgspec
from msgspec import Struct

from zhiyin.artifacts import RECORDS, REJECTED
from zhiyin.data.rejections import Rejections
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard
from zhiyin.data.sources import Record


class Part(Struct, frozen=True):
    """Some records of a set, in order."""

    lines: bytes
    """The records, a line each, with its line break."""
    sources: Counter[str]
    kinds: Counter[str]

    @classmethod
    def of(cls, lines: Sequence[bytes], records: Sequence[Any]) -> Self:
        """Return the part with these lines, without their line breaks, and what says source and kind of each."""
        sources = Counter[str](map(attrgetter("source"), records))
        return cls(b"\n".join([*lines, b""]), sources, Counter(map(attrgetter("kind"), records)))


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


def decoded(shard: Shard, kind: type[RecordSet]) -> tuple[list[bytes], list[Record]]:
    """Return the lines of a piece, without their line breaks, and the records in them.

    Raises `ValueError` with file and line when one does not fit the set's type.
    """
    lines, decode = shard.lines(), msgspec.json.Decoder(kind.record_type).decode
    records = list[Any]()
    try:
        records.extend(map(decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        number = _lines_before(shard) + len(records) + 1
        raise ValueError(f"{shard.path}:{number}: not a {kind.record_type.__name__}: {error}") from error
    return lines, cast("list[Record]", records)


def _lines_before(shard: Shard) -> int:
    with shard.path.open("rb") as file:
        return file.read(shard.start).count(b"\n")
