"""Turn the rows of one data set into records, and keep every row that did not become one."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import msgspec
from pydantic import Field

from zhiyin.data.files import AnyFiles
from zhiyin.data.rejections import Rejections
from zhiyin.data.rows import BadRow
from zhiyin.data.sets import RecordSet, stating, write
from zhiyin.data.sources import AnySource, Record, Source
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import DataSet


class Config(StepConfig):
    """Which data set is read, and how many of its rows may be bad."""

    code_version: ClassVar[int] = 2
    source: AnySource
    """The data set."""
    limit: int | None = Field(default=None, ge=1)
    """Stop after this many records, the first ones in file order; by default take all."""
    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of the rows read that may be rejected; above it the step fails. More than half means a wrong source."""

    def produces(self, inputs: object) -> type[Artifact]:
        """Return the kind of set the source yields."""
        return self.source.yields


def collect(config: Config, *, out: Path, runtime: Runtime) -> RecordSet:
    """Read the source and write its records; rejected rows keep reason, `file:line` and themselves.

    The summary states the data set and its licence: what is made from the records inherits its terms.

    Raises `ValueError` when a file cannot be read, when not one row became a record, or when more than
    `max_rejected` of the rows were rejected; the message gives the most frequent reasons and where to look.
    """
    with Rejections() as rejected:
        made = write(config.source.yields, out, _records(config.source, config.limit, rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, config.source.name, out)
    source = config.source
    anybody = isinstance(source, AnyFiles)  # its home describes the form of the files, not these
    home, verified = ("", False) if anybody else (source.home, source.verified)
    data_set = DataSet(source.data_set, home, source.licence, source.places, verified)
    return stating(made, data_set=asdict(data_set))


def _records(source: Source, limit: int | None, rejected: Rejections) -> Iterator[Record]:
    """Yield up to `limit` records; what is not one goes to `rejected`."""
    seen: set[str] = set()
    for row in source.rows():
        if isinstance(row, Rejected):
            rejected.add(row)
            continue
        try:
            record = source.record(row)
            if record.id in seen:
                raise BadRow("the id of an earlier row")
        except BadRow as error:
            written = msgspec.json.encode(row.value, enc_hook=str).decode("utf-8")
            rejected.add(Rejected(row.where, str(error), written))
            continue
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"{row.where}: the source {source.name} fails at this row: {said}") from error
        seen.add(record.id)
        yield record
        if len(seen) == limit:
            return
