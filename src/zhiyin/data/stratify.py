"""Cut a set into equal parts in which every kind has its share: one step for each part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from zhiyin.data.sets import RecordSet, stating
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime


class Config(StepConfig):
    """How many parts, and which. But for `part`, the steps of one set must agree."""

    parts: int = Field(ge=2)
    """Parts in all."""
    part: int = Field(ge=0)
    """The part that this step writes, from 0."""
    order: Literal["random", "file"] = "random"
    """Who comes first within a kind: told by a hash of the id, or by the place in the file, as Firefly was cut."""
    seed: int = 0
    """Another seed makes other parts; of no effect with `order: file`."""

    @model_validator(mode="after")
    def _a_part_of_them(self) -> Self:
        if self.part >= self.parts:
            raise ValueError(f"there are {self.parts} parts, numbered from 0, so there is no part {self.part}")
        return self

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def stratify(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write one part, in the order of the set; lines are copied as they are.

    The parts are disjoint, and are the set together. At random, the parts of a kind differ by one record at most; in
    file order, each is a run of ceil(n / parts) records, and the last one has what is left. The summary states the
    kinds of the whole set as `of`. Source: system 003 of the specification, item 003-10 (with `order: file`).
    """
    from zhiyin.data.gathering import keep
    from zhiyin.data.roster import read_roster, tallied
    from zhiyin.data.sides import numbered

    roster = read_roster(records, runtime)
    numbers = numbered(config.parts, config.order, config.seed, roster)
    made = keep(type(records), out, roster, (numbers == config.part).nonzero()[0])
    if not made.summary["records"]:
        raise ValueError(
            f"{records.path}: its kinds are too small for {config.parts} parts; part {config.part} is empty"
        )
    return stating(made, part=config.part, of=tallied(roster.kinds, roster.kind_names))
