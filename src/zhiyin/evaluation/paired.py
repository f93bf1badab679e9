"""The paired comparison of one measure between two answerers of the same prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from zhiyin.evaluation.exam import Category
from zhiyin.evaluation.significance import Resampling, holm, mcnemar, paired_bootstrap
from zhiyin.evaluation.tally import EXPONENTIAL, Average, Tally
from zhiyin.records.score import Comparison, Flip

SHOWN_IDS = 10
"""Ids named in an error message."""


class Incomparable(ValueError):
    """Two tallies of one measure whose items are the same, and whose values still cannot be compared."""


def shared(before: Tally, after: Tally, twins: Mapping[str, str]) -> tuple[Tally, Tally]:
    """Return the items that stand on both sides, under their ids of before; `twins` maps those to the ids after."""
    renamed = {theirs: ours for ours, theirs in twins.items()}
    first = [index for index, name in enumerate(before.ids) if name in twins]
    second = [index for index, name in enumerate(after.ids) if name in renamed]
    there = after.at(second)
    return before.at(first), replace(there, ids=tuple(renamed[name] for name in there.ids))


def align(before: Tally, after: Tally) -> Tally:
    """Return `after` in the order of `before`.

    Raises `ValueError` when they are not about the same items, and `Incomparable` when they weigh the tokens of a
    text differently.
    """
    place = {prompt_id: index for index, prompt_id in enumerate(after.ids)}
    only = sorted(set(before.ids) ^ set(after.ids))
    if only:
        shown = ", ".join(only[:SHOWN_IDS])
        raise ValueError(f"{before.measure}: {len(only)} prompts are marked on one side only: {shown}")
    order = [place[prompt_id] for prompt_id in before.ids]
    aligned = after.at(order)
    if aligned.groups != before.groups:
        raise ValueError(f"{before.measure}: the same prompts stand in other groups; prepare them once for both sides")
    if before.measure in EXPONENTIAL and (aligned.weights != before.weights).any():
        differs = before.ids[int(np.flatnonzero(aligned.weights != before.weights)[0])]
        raise Incomparable(
            f"{before.measure}: the two sides count other tokens in {differs}, so they use other tokenizers, and "
            "a value per token compares nothing; compare bits_per_character"
        )
    return aligned


def compare(benchmark: str, before: Tally, after: Tally, average: Average, plan: Resampling) -> Comparison:
    """Return after minus before, in the measure's unit, with its paired bootstrap interval; `after` is aligned.

    The difference of `perplexity` is that of the two perplexities, recomputed in every resample. McNemar's exact p is
    given where every item of both sides is right or wrong.
    """
    first, second = before.sample(average), after.sample(average)
    low, high = paired_bootstrap(first, second, plan)
    change = after.values / after.weights - before.values / before.weights
    gained, lost = int((change > 0).sum()), int((change < 0).sum())
    return Comparison(
        benchmark=benchmark,
        measure=before.measure,
        before=first.point(),
        after=second.point(),
        difference=second.point() - first.point(),
        low=low,
        high=high,
        count=len(before.ids),
        gained=gained,
        lost=lost,
        p=mcnemar(gained, lost) if before.binary and after.binary else None,
    )


def by_group(
    whole: Comparison, pair: tuple[Tally, Tally], categories: Sequence[Category], average: Average, plan: Resampling
) -> list[Comparison]:
    """Return the comparison of each category, then of each group, where there are several groups.

    McNemar's p values of all groups are corrected together, those of all categories likewise (Holm 1979).
    """
    before, after = pair
    groups = [group for group in dict.fromkeys(before.groups) if group]
    if len(groups) < 2:
        return []
    kinds: tuple[list[tuple[str, Sequence[str], Average]], ...] = (
        [(f"category/{one.name}", one.groups, average) for one in categories],
        [(group, [group], "micro") for group in groups],
    )
    found = []
    for kind in kinds:
        parts = [(name, before.of(members), after.of(members), way) for name, members, way in kind]
        compared = [
            msgspec.structs.replace(compare(whole.benchmark, first, second, way, plan), group=name)
            for name, first, second, way in parts
            if first.ids
        ]
        found += _corrected(compared)
    return found


def _corrected(compared: Sequence[Comparison]) -> list[Comparison]:
    values = [one.p for one in compared if one.p is not None]
    if len(values) != len(compared):
        return list(compared)
    return [msgspec.structs.replace(one, p_holm=p) for one, p in zip(compared, holm(values), strict=True)]


def flips(before: Tally, after: Tally) -> Iterator[Flip]:
    """Yield the items of a right-or-wrong measure that changed; nothing for any other measure."""
    if before.binary and after.binary:
        for index in np.flatnonzero(before.values != after.values):
            values = float(before.values[index]), float(after.values[index])
            yield Flip(before.ids[index], before.measure, *values, before.groups[index])
