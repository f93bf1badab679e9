"""The three kinds of record set as one: steps that take any of them read and write through here."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.sources import Record
from zhiyin.records.jsonl import Rejected

RecordSet = TextSet | ConversationSet | PreferenceSet


def each(records: RecordSet) -> Iterator[Record]:
    """Yield the records in order."""
    return cast("Iterator[Record]", iter(records))


def write(kind: type[RecordSet], out: Path, records: Iterable[Record], rejected: Iterable[Rejected] = ()) -> RecordSet:
    """Write records of the kind's own type, and what was rejected; see `artifacts.RecordSet.write`."""
    return kind.write(out, cast("Any", records), rejected)


def stating(made: RecordSet, **facts: Any) -> RecordSet:
    """Return the set with more facts in its summary, such as counts that are known only when all is written."""
    return type(made)(made.path, {**made.summary, **facts})
