"""Draw an exact number of records from several sets by ratio, by kind or at random, the same ones every time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from msgspec import to_builtins
from pydantic import Field, model_validator

from zhiyin.data.sampling import apportion
from zhiyin.data.sets import RecordSet, stating
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

if TYPE_CHECKING:
    from zhiyin.data.drawing import Lot, Rosters


class Config(StepConfig):
    """How much of each source, or of each kind; without ratios and quota, of all sources alike."""

    code_version: ClassVar[int] = 2

    ratios: dict[str, float] = Field(default_factory=dict)
    """Share of each source in the mix; they add to 1."""
    quota: dict[str, int] = Field(default_factory=dict)
    """Records of each kind, exactly, whatever source they are from; the mix holds no other kinds."""
    total: int | None = Field(default=None, ge=1)
    """Records in the mix; needed with ratios. Absent without ratios and quota, all that the caps leave is taken."""
    caps: dict[str, int] = Field(default_factory=dict)
    """Records of a source that may be drawn at most: a random choice of them, made before any other draw."""
    seed: int = 0
    """Another seed draws other records, in another order."""
    short: Literal["error", "take_all"] = "error"
    """A source or kind with too few records is an error, or is taken whole; the mix then has fewer than wanted."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.ratios and self.quota:
            raise ValueError("give either `ratios` or a `quota`, not both")
        if self.ratios and self.total is None:
            raise ValueError("`ratios` need a `total`")
        if self.quota and self.total is not None:
            raise ValueError(f"the quota adds to {sum(self.quota.values())}, so there is no `total` to give; remove it")
        for name, count in (*self.quota.items(), *self.caps.items()):
            if count < 0:
                raise ValueError(f"{name!r}: a number of records is not negative, {count} is")
        if self.ratios:
            apportion(self.ratios, 1)
        return self

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the one kind of all sources; raises `ValueError` when they differ, or are not those of the config."""
        kinds = {name.removeprefix("sources."): kind for name, kind in inputs.items()}
        if not kinds:
            raise ValueError("`sources` names no step, so there is nothing to mix")
        if self.ratios and set(kinds) != set(self.ratios):
            raise ValueError(f"ratios are given for {sorted(self.ratios)}, but the sources are {sorted(kinds)}")
        if unknown := set(self.caps) - set(kinds):
            raise ValueError(f"caps are given for {sorted(unknown)}, but the sources are {sorted(kinds)}")
        if len(set(kinds.values())) > 1:
            found = ", ".join(f"{name} is a {kind.__name__}" for name, kind in sorted(kinds.items()))
            raise ValueError(f"the sources of a mix are of one kind, but {found}")
        return next(iter(kinds.values()))


def mix(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    sources: Mapping[str, RecordSet],
) -> RecordSet:
    """Write the drawn records in a seeded order that does not depend on the order of `sources`, nor of their rows.

    A draw is without replacement, and told by a hash of seed, the source's name, its ids and the record's own: a larger
    `total` keeps the records of a smaller one. Lines are copied as they are; an id found in two sources gets its
    source's name in front. The summary gives what was `wanted`, `taken` and `available`, and the same for every kind
    of every source as `distribution`. Source: system 002 of the specification, items 002-7 to 002-15 (X1, X2).
    """
    from zhiyin.data.drawing import drawn, portions
    from zhiyin.data.gathering import gather
    from zhiyin.data.roster import read_roster

    rosters = {name: read_roster(sources[name], runtime) for name in sorted(sources)}
    lots = list(_lots(config, rosters))
    if config.short == "error":
        for lot in lots:
            _check(config, rosters, lot)
    taken = drawn(config.seed, rosters, lots)
    if not any(map(len, taken.values())):
        raise ValueError("the mix would hold no record; see `total`, the quota and the caps")
    made = gather(type(next(iter(sources.values()))), out, rosters, taken, config.seed)
    return stating(
        made,
        wanted={lot.name: lot.wanted for lot in lots},
        taken={name: len(rows) for name, rows in taken.items()},
        available={name: len(roster) for name, roster in rosters.items()},
        distribution={label: to_builtins(one) for label, one in portions(rosters, lots, taken)},
    )


def _lots(config: Config, rosters: "Rosters") -> Iterator["Lot"]:
    """Yield what is drawn from what."""
    from zhiyin.data.drawing import Lot, capped, of_kind

    rows = capped(config.seed, rosters, config.caps)
    if config.ratios and config.total is not None:
        for name, wanted in apportion(config.ratios, config.total).items():
            yield Lot("source", name, wanted, {name: rows[name]})
    elif config.quota:
        for kind, wanted in config.quota.items():
            yield Lot("kind", kind, wanted, of_kind(rosters, rows, kind))
    else:
        every = sum(map(len, rows.values()))
        yield Lot("sources", "all", every if config.total is None else config.total, rows)


def _check(config: Config, rosters: "Rosters", lot: "Lot") -> None:
    """Raise `ValueError` when there are fewer records than wanted."""
    if lot.size >= lot.wanted:
        return
    has, wanted, ratio = lot.size, lot.wanted, config.ratios.get(lot.name, 0)
    if lot.what == "source":
        said = (
            f"source {lot.name!r} has {has} records, {wanted} are wanted ({ratio:g} of {config.total}); "
            "lower `total` or its ratio"
        )
    elif lot.what == "kind":
        kinds = ", ".join(sorted({repr(kind) for roster in rosters.values() for kind in roster.kind_names}))
        said = f"kind {lot.name!r} has {has} records, {wanted} are wanted; the sources hold {kinds}; lower its quota"
    else:
        said = f"the sources together have {has} records, {wanted} are wanted; lower `total`"
    if limits := ", ".join(f"{name} {cap}" for name, cap in config.caps.items() if name in lot.rows):
        said = f"{said}, raise the caps ({limits})"
    raise ValueError(f"{said}, or set `short: take_all`")
