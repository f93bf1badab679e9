"""Parts of a record set as lines: what the workers of a step hand back, and the set they add up to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from zhiyin.artifacts import RECORDS, REJECTED
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard
from zhiyin.data.sources import Record
from zhiyin.records import jsonl
from zhiyin.records.jsonl import Rejected


class Part(Struct, frozen=True):
    """Some records of a set, in order."""

    lines: bytes
    """The records, a line each, with its line break."""
    sources: Counter[str]
    kinds: Counter[str]


def write_parts(kind: type[RecordSet], out: Path, parts: Iterable[Part], rejected: Iterable[Rejected]) -> RecordSet:
    """Write the parts in order, then the rejected rows (read last); the summary is that of `RecordSet.write`."""
    sources, kinds, reasons = Counter[str](), Counter[str](), Counter[str]()
    out.mkdir(parents=True, exist_ok=True)
    with (out / RECORDS).open("wb") as file:
        for part in parts:
            file.write(part.lines)
            sources.update(part.sources)
            kinds.update(part.kinds)

    def tallied() -> Iterable[Rejected]:
        for row in rejected:
            reasons[row.reason] += 1
            yield row

    jsonl.write(out / REJECTED, tallied())
    summary = {
        "records": sources.total(),
        "sources": dict(sources.most_common()),
        "kinds": dict(kinds.most_common()),
        "rejected": dict(reasons.most_common()),
    }
    return kind(out, summary)


def decoded(shard: Shard, kind: type[RecordSet]) -> Iterator[tuple[bytes, Record]]:
    """Yield each line of a piece, with its line break, and the record in it.

    Raises `ValueError` with file and line when one does not fit the set's type.
    """
    decode = msgspec.json.Decoder(kind.record_type).decode
    for place, line in enumerate(shard.lines()):
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            number = _lines_before(shard) + place + 1
            raise ValueError(f"{shard.path}:{number}: not a {kind.record_type.__name__}: {error}") from error
        yield line if line.endswith(b"\n") else line + b"\n", cast("Record", record)


def _lines_before(shard: Shard) -> int:
    with shard.path.open("rb") as file:
        return file.read(shard.start).count(b"\n")
