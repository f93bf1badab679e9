"""Cut a set into equal parts in which every kind has its share: one step for each part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zhiyin.data.gathering import keep
from zhiyin.data.roster import Roster, read_roster
from zhiyin.data.sampling import ranks
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
    roster = read_roster(records, runtime)
    numbers = _numbered(config, roster)
    made = keep(type(records), out, roster, np.flatnonzero(numbers == config.part))
    if not made.summary["records"]:
        raise ValueError(
            f"{records.path}: its kinds are too small for {config.parts} parts; part {config.part} is empty"
        )
    sizes = np.bincount(roster.kinds, minlength=len(roster.kind_names)).tolist()
    return stating(made, part=config.part, of=dict(zip(roster.kind_names, sizes, strict=True)))


def _numbered(config: Config, roster: Roster) -> NDArray[np.int64]:
    """Return the part that each record belongs to."""
    numbers = np.empty(len(roster), np.int64)
    scores = ranks(config.seed, "stratify", roster.keys)
    for code in range(len(roster.kind_names)):
        rows = np.flatnonzero(roster.kinds == code)
        places = np.arange(len(rows))
        if config.order == "random":
            numbers[rows[np.argsort(scores[rows], kind="stable")]] = places * config.parts // len(rows)
        else:
            numbers[rows] = places // -(-len(rows) // config.parts)
    return numbers
