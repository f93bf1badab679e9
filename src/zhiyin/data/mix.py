"""Draw an exact number of records from several sets by ratio, the same ones every time."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import Field, field_validator

from zhiyin.data.sampling import apportion, rank
from zhiyin.data.sets import RecordSet, each, stating, write
from zhiyin.data.sources import Record
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

Drawn = dict[str, list[Record]]


class Config(StepConfig):
    """How much of each source."""

    ratios: dict[str, float]
    """Share of each source in the mix; they add to 1."""
    total: int = Field(ge=1)
    """Records in the mix."""
    seed: int = 0
    """Another seed draws other records, in another order."""
    short: Literal["error", "take_all"] = "error"
    """A source with too few records is an error, or is taken whole; the mix then has fewer than `total`."""

    @field_validator("ratios")
    @classmethod
    def _add_to_one(cls, ratios: dict[str, float]) -> dict[str, float]:
        apportion(ratios, 1)
        return ratios

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the one kind of all sources; raises `ValueError` when they differ, or are not those of `ratios`."""
        kinds = {name.removeprefix("sources."): kind for name, kind in inputs.items()}
        if set(kinds) != set(self.ratios):
            raise ValueError(f"ratios are given for {sorted(self.ratios)}, but the sources are {sorted(kinds)}")
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
    """Write the drawn records in a seeded order that does not depend on the order of `sources`.

    Each source gives the records with the lowest XXH3 of seed and id, so a draw is without replacement, and a larger
    `total` keeps the records of a smaller one. An id found in two sources gets the source's name in front.
    The summary gives what was `wanted`, `taken` and `available` of each source.
    """
    wanted = apportion(config.ratios, config.total)
    drawn: Drawn = {}
    available: dict[str, int] = {}
    for name in sorted(sources):
        available[name], drawn[name] = _draw(config.seed, name, sources[name], wanted[name])
        if len(drawn[name]) < wanted[name] and config.short == "error":
            raise ValueError(
                f"source {name!r} has {available[name]} records, {wanted[name]} are wanted "
                f"({config.ratios[name]:g} of {config.total}); lower `total` or its ratio, or set `short: take_all`"
            )
    mixed = _with_unique_ids(drawn)
    mixed.sort(key=lambda record: (rank(config.seed, "order", record.id), record.id))
    taken = {name: len(records) for name, records in drawn.items()}
    return stating(
        write(type(next(iter(sources.values()))), out, mixed), wanted=wanted, taken=taken, available=available
    )


def _draw(seed: int, name: str, source: RecordSet, count: int) -> tuple[int, list[Record]]:
    """Return how many records there are, and the `count` of them with the lowest ranks."""
    seen: set[str] = set()

    def ranked() -> Iterator[tuple[int, str, Record]]:
        for record in each(source):
            if record.id in seen:
                raise ValueError(f"source {name!r} ({source.path}) holds the id {record.id} twice")
            seen.add(record.id)
            yield rank(seed, "mix", record.id), record.id, record

    lowest = heapq.nsmallest(count, ranked(), key=lambda one: one[:2])
    # nsmallest stops before it reads a single record when none is wanted, so the rest is counted here.
    available = len(seen) if count else sum(1 for _ in source)
    return available, [record for _, _, record in lowest]


def _with_unique_ids(drawn: Drawn) -> list[Record]:
    """Return all records; those that share an id across sources get `source/` in front of it."""
    counts = Counter(record.id for records in drawn.values() for record in records)
    mixed: list[Record] = [
        record if counts[record.id] == 1 else msgspec.structs.replace(record, id=f"{name}/{record.id}")
        for name, records in drawn.items()
        for record in records
    ]
    repeated = [key for key, count in Counter(record.id for record in mixed).items() if count > 1]
    if repeated:
        raise ValueError(f"the id {repeated[0]} stands for two records even with its source's name in front")
    return mixed
