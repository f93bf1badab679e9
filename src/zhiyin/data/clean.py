"""Give every text one form of white space, and set aside the records that filters reject."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from pydantic import Field

from zhiyin.data.filters import AnyFilter
from zhiyin.data.rejections import Rejections
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
    max_rejected: float = Field(default=1.0, ge=0, le=1)
    """Share of the records that may be set aside; above it the step fails, as it does when none is left."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def clean(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write the tidied records in their order; a rejected one keeps its id, `filter: reason`, and itself, tidied.

    The summary adds `tidied`: the number of kept records whose white space changed. Raises `ValueError` when no record
    is left, or when more than `max_rejected` of them were set aside.
    """
    tidied = 0

    def kept(rejected: Rejections) -> Iterator[Record]:
        nonlocal tidied
        for before in each(records):
            record = mapped(before, tidy)
            reason = _reason(config.filters, record)
            if reason is not None:
                rejected.add(Rejected(record.id, reason, msgspec.json.encode(record).decode("utf-8")))
                continue
            tidied += record != before
            yield record

    with Rejections() as rejected:
        made = write(type(records), out, kept(rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "clean", out)
    return stating(made, tidied=tidied)


def _reason(filters: tuple[AnyFilter, ...], record: Record) -> str | None:
    for one in filters:
        if (reason := one.reject(record)) is not None:
            return f"{one.name}: {reason}"
    return None
