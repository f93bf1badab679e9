"""Keep a held-out part aside: two steps with one seed make the two parts of a set."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from zhiyin.data.sets import RecordSet, stating
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime


class Config(StepConfig):
    """Which part, and how the parts are drawn. But for `part`, two steps must agree."""

    code_version: ClassVar[int] = 2

    part: Literal["train", "held_out"]
    """The part that this step writes."""
    held_out: int | None = Field(default=None, ge=1)
    """Records in the held-out part, exactly; the rest is for training. More records move the line between the parts."""
    share: float | None = Field(default=None, gt=0, lt=1)
    """Instead of `held_out`, about this share; each record stays on its side however the set grows or shrinks."""
    seed: int = 0
    """Another seed draws other records."""
    by: Literal["id", "text"] = "text"
    """Draw record by record, or keep records that ask the same on one side, so that nothing leaks."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.held_out is None) == (self.share is None):
            raise ValueError("give either `held_out`, a number of records, or `share`")
        return self

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def split(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write one part, in the order of the set; lines are copied as they are.

    By text, whole groups are held out in seeded order, and one that would exceed `held_out` is passed over. Raises
    `ValueError` when the set is too small, when no groups add up to the number, or when a part is empty.
    """
    from zhiyin.data.gathering import keep
    from zhiyin.data.roster import read_roster
    from zhiyin.data.sides import by_number, by_share, questions

    roster = read_roster(records, runtime)
    keys = roster.keys if config.by == "id" else questions(records, runtime)
    if config.share is not None:
        held_out = by_share(config.share, config.seed, keys)
    else:
        held_out = by_number(config.held_out or 0, config.seed, keys, records.path)
    if not 0 < held_out.sum() < len(keys):
        raise ValueError(f"{records.path}: of {len(keys)} records, {held_out.sum()} would be held out: a part is empty")
    rows = (held_out == (config.part == "held_out")).nonzero()[0]
    return stating(keep(type(records), out, roster, rows), part=config.part, of=len(keys))
