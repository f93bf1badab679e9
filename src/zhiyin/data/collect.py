"""Turn the rows of one data set into records, and keep every row that did not become one."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from pydantic import Field

from zhiyin.data.rows import BadRow
from zhiyin.data.sets import RecordSet, write
from zhiyin.data.sources import AnySource, Record, Source
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected


class Config(StepConfig):
    """Which data set is read, and how many of its rows may be bad."""

    source: AnySource
    """The data set."""
    limit: int | None = Field(default=None, ge=1)
    """Stop after this many records, the first ones in file order; by default take all."""
    max_rejected: float = Field(default=1.0, ge=0, le=1)
    """Share of the rows read that may be rejected; above it the step fails."""

    def produces(self, inputs: object) -> type[Artifact]:
        """Return the kind of set the source yields."""
        return self.source.yields


def collect(config: Config, *, out: Path, runtime: Runtime) -> RecordSet:
    """Read the source and write its records; rejected rows keep reason, `file:line` and themselves.

    Raises `ValueError` when a file cannot be read, when not one row became a record, or when more than
    `max_rejected` of the rows were rejected; the message gives the most frequent reasons and where to look.
    """
    rejected: list[Rejected] = []
    records = _records(config.source, config.limit, rejected)
    made = write(config.source.yields, out, records, rejected)
    kept = made.summary["records"]
    share = len(rejected) / max(1, kept + len(rejected))
    if not kept or share > config.max_rejected:
        raise ValueError(
            f"{config.source.name}: {len(rejected)} of {kept + len(rejected)} rows rejected ({share:.1%}, "
            f"max_rejected is {config.max_rejected:.1%}), {kept} records kept{_reasons(rejected)}"
        )
    return made


def _records(source: Source, limit: int | None, rejected: list[Rejected]) -> Iterator[Record]:
    """Yield up to `limit` records; what is not one goes to `rejected`."""
    seen: set[str] = set()
    for row in source.rows():
        if isinstance(row, Rejected):
            rejected.append(row)
            continue
        try:
            record = source.record(row)
            if record.id in seen:
                raise BadRow("the id of an earlier row")
        except BadRow as error:
            rejected.append(Rejected(row.where, str(error), msgspec.json.encode(row.value).decode("utf-8")))
            continue
        seen.add(record.id)
        yield record
        if len(seen) == limit:
            return


def _reasons(rejected: list[Rejected]) -> str:
    """Return the three most frequent reasons, each with the first place it was met."""
    first: dict[str, str] = {}
    counts: dict[str, int] = {}
    for row in rejected:
        first.setdefault(row.reason, row.where)
        counts[row.reason] = counts.get(row.reason, 0) + 1
    most = sorted(counts, key=lambda reason: -counts[reason])[:3]
    return "".join(f"\n  {counts[reason]} x {reason}; first at {first[reason]}" for reason in most)
