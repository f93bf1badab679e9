"""What a judge's words came to, and the scores they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from zhiyin.records.jsonl import Rejected
from zhiyin.records.score import Mark, Score

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Resampling


class Judged(NamedTuple):
    """A judge's words on one model's answers, read."""

    marks: tuple[Mark, ...]
    """What each answer won, and whether both orders agree."""
    fitted: tuple[Score, ...]
    """Rates with length or style held still."""
    rejected: tuple[Rejected, ...]
    """Answers, or games, that the judge did not decide."""
    undecided: dict[str, int]
    """Answers without any decision, by group; they have no mark."""
    judge: object
    """Who judged and how, as far as that is known; part of the protocol."""
    warnings: tuple[str, ...] = ()


def added_up(benchmark: str, judged: Judged, lengths: Iterable[Mark], plan: Resampling) -> list[Score]:
    """Return the scores of every measure, of the whole and of each group.

    Answers without a decision count as unanswered of `win_rate`, and are not in its `count`.
    """
    from zhiyin.evaluation.tally import scores, tallies

    found: list[Score] = []
    for tally in tallies(judged.marks).values():
        found.extend(scores(benchmark, tally, "micro", (), plan))
    told = [_with_undecided(one, judged.undecided) if one.measure == "win_rate" else one for one in found]
    (length,) = tallies(lengths).values()
    return [*told, *judged.fitted, *scores(benchmark, length, "micro", (), plan)]


def points(scores: Iterable[Score]) -> Iterator[str]:
    """Yield a warning for each win rate of the whole whose interval is a point: all that was judged came out alike."""
    for one in scores:
        if one.measure == "win_rate" and not one.group and one.low == one.high:
            yield f"win_rate: all {one.count} answers won the same share, so its interval is a point and means nothing"


def _with_undecided(score: Score, undecided: dict[str, int]) -> Score:
    missing = undecided.get(score.group, 0) if score.group else sum(undecided.values())
    return structs.replace(score, unanswered=missing)
