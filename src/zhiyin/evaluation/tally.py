"""Marks gathered by measure, and the scores they add up to.

A score is the total value over the total weight of its items. With weights of 1 that is the mean; `perplexity` marks
carry nats and tokens, and their score is e to that quotient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from zhiyin.evaluation.corpus import STATISTICS
from zhiyin.evaluation.exam import Category
from zhiyin.evaluation.significance import (
    Floats,
    Interval,
    Resampling,
    Sample,
    bootstrap,
    macro_wilson,
    mean_interval,
    wilson,
)
from zhiyin.records.score import SHARES, Mark, Score

Average = Literal["micro", "macro"]

EXPONENTIAL = frozenset({"perplexity"})
"""Measures whose marks are logarithms, and whose scores are e to the average."""


@dataclass(frozen=True)
class Tally:
    """All marks of one measure, an entry for each prompt: several samples of a prompt are averaged first."""

    measure: str
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    values: Floats
    """(N,) total value of the item in the mark's unit."""
    weights: Floats
    """(N,) its weight."""
    unanswered: Floats
    """(N,) share of its answers that could not be read."""
    counts: Floats | None = None
    """(N, K) of a measure in `corpus.STATISTICS`, what each item adds to the sums it is computed of."""

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.ids)

    def of(self, groups: Iterable[str]) -> Tally:
        """Return the part that belongs to some groups."""
        wanted = set(groups)
        return self.at([index for index, group in enumerate(self.groups) if group in wanted])

    def at(self, places: Sequence[int]) -> Tally:
        """Return the items at some places, in that order."""
        kept = list(places)
        return Tally(
            measure=self.measure,
            ids=tuple(self.ids[index] for index in kept),
            groups=tuple(self.groups[index] for index in kept),
            values=self.values[kept],
            weights=self.weights[kept],
            unanswered=self.unanswered[kept],
            counts=None if self.counts is None else self.counts[kept],
        )

    def sample(self, average: Average) -> Sample:
        """Return the items as arrays: in one stratum for a micro average, by group for a macro average."""
        if average == "macro":
            _, strata = np.unique(np.array(self.groups), return_inverse=True)
        else:
            strata = np.zeros(len(self.ids), np.int64)
        statistic = None if self.counts is None else STATISTICS[self.measure]
        exponential = self.measure in EXPONENTIAL
        return Sample(self.values, self.weights, strata.astype(np.int64), exponential, self.counts, statistic)

    @property
    def binary(self) -> bool:
        """Tell whether every item is right or wrong, and no item counts more than another."""
        return self.measure in SHARES and bool(np.isin(self.values, (0.0, 1.0)).all() and (self.weights == 1).all())


def tallies(marks: Iterable[Mark]) -> dict[str, Tally]:
    """Gather marks by measure, measures and items in order of first appearance.

    Raises `ValueError` for a weight that is not above zero, or when a prompt's marks disagree about its group.
    """
    found: dict[str, dict[str, list[Mark]]] = {}
    for mark in marks:
        if not mark.weight > 0 or not math.isfinite(mark.value):
            raise ValueError(
                f"prompt {mark.prompt_id}: {mark.measure} needs a finite value and a weight above 0: {mark}"
            )
        same = found.setdefault(mark.measure, {}).setdefault(mark.prompt_id, [])
        if same and same[0].group != mark.group:
            raise ValueError(f"prompt {mark.prompt_id} stands in two groups, {same[0].group!r} and {mark.group!r}")
        same.append(mark)
    return {measure: _tally(measure, items) for measure, items in found.items()}


def scores(
    benchmark: str, tally: Tally, average: Average, categories: Sequence[Category], plan: Resampling
) -> Iterator[Score]:
    """Yield the scores of one measure: the whole (group ""), its parts by category, then every group.

    A macro average is followed by the average over items, as the group `average/micro`; where there are categories, a
    micro average by the average over groups, `average/macro`. A category, such as `category/STEM`, is averaged like the
    whole; one that no item belongs to is left out.
    """
    yield scored(benchmark, tally, "", average, plan)
    if average == "macro":
        yield scored(benchmark, tally, "average/micro", "micro", plan)
    elif categories:
        yield scored(benchmark, tally, "average/macro", "macro", plan)
    for category in categories:
        if part := tally.of(category.groups):
            yield scored(benchmark, part, f"category/{category.name}", average, plan)
    for group in dict.fromkeys(tally.groups):
        if group:
            yield scored(benchmark, tally.of([group]), group, "micro", plan)


def scored(benchmark: str, tally: Tally, group: str, average: Average, plan: Resampling) -> Score:
    """Return the score of some items of one measure, under the name of their group."""
    sample = tally.sample(average)
    low, high = _interval(tally, sample, average, plan)
    return Score(
        benchmark=benchmark,
        measure=tally.measure,
        group=group,
        mean=sample.point(),
        low=low,
        high=high,
        count=len(tally.ids),
        unanswered=int(np.ceil(tally.unanswered).sum()),
    )


def _tally(measure: str, items: dict[str, list[Mark]]) -> Tally:
    return Tally(
        measure=measure,
        ids=tuple(items),
        groups=tuple(same[0].group for same in items.values()),
        values=np.array([sum(mark.value for mark in same) / len(same) for same in items.values()]),
        weights=np.array([sum(mark.weight for mark in same) / len(same) for same in items.values()]),
        unanswered=np.array([sum(mark.extracted is None for mark in same) / len(same) for same in items.values()]),
        counts=np.array([_counts(same) for same in items.values()]) if measure in STATISTICS else None,
    )


def _counts(same: Sequence[Mark]) -> Floats:
    """Return the mean of the counts of one item's samples."""
    if any(mark.counts is msgspec.UNSET for mark in same):
        raise ValueError(f"prompt {same[0].prompt_id}: {same[0].measure} is computed of counts, and its mark has none")
    mean: Floats = np.array([mark.counts for mark in same], float).mean(axis=0)
    return mean


def _interval(tally: Tally, sample: Sample, average: Average, plan: Resampling) -> Interval:
    """Choose the interval: Wilson's for right and wrong, Student's for other means, the bootstrap for the rest."""
    if tally.binary and average == "micro":
        return wilson(float(sample.values.sum()), len(sample.values), plan.confidence)
    if tally.binary:
        counts = np.bincount(sample.strata).astype(float)
        return macro_wilson(np.bincount(sample.strata, weights=sample.values) / counts, counts, plan.confidence)
    if average == "micro" and (sample.weights == 1).all() and sample.statistic is None:
        return mean_interval(sample.values, plan.confidence)
    return bootstrap(sample, plan)
