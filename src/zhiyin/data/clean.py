"""Give every text one form of white space, and set aside the records that filters reject."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from zhiyin.data.filters import AnyFilter
from zhiyin.data.sets import RecordSet, each, stating, write
from zhiyin.data.sources import Record
from zhiyin.data.texts import mapped
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.text.whitespace import tidy


class Config(StepConfig):
    """Which records are set aside."""

    filters: tuple[AnyFilter, ...] = ()
    """Reasons to set a record aside, in the order they are asked; the first one counts."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def clean(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write the tidied records in their order; a rejected one keeps its id, `filter: reason`, and itself, tidied.

    The summary adds `tidied`: the number of kept records whose white space changed.
    """
    rejected: list[Rejected] = []
    tidied = 0

    def kept() -> Iterator[Record]:
        nonlocal tidied
        for before in each(records):
            record = mapped(before, tidy)
            reason = _reason(config.filters, record)
            if reason is not None:
                rejected.append(Rejected(record.id, reason, msgspec.json.encode(record).decode("utf-8")))
                continue
            tidied += record != before
            yield record

    made = write(type(records), out, kept(), rejected)
    return stating(made, tidied=tidied)


def _reason(filters: tuple[AnyFilter, ...], record: Record) -> str | None:
    for one in filters:
        if (reason := one.reject(record)) is not None:
            return f"{one.name}: {reason}"
    return None
