"""What a judge said goes into a manifest and comes back as it was."""

from pathlib import Path

import msgspec
import pytest

from zhiyin.artifacts import Review, ScoreSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.records.review import (
    Agreement,
    Consistency,
    Correlation,
    Findings,
    Judged,
    LengthBias,
    People,
    PlaceBias,
    Points,
    TaskRow,
)
from zhiyin.records.score import CLEAN, Exposure, Overview, Score

BOTH = Agreement(20, 1, 0.5, None, -0.25, 1.0, 10, 0.75, None)
FOUND = Findings(
    systems=("ours", "theirs"),
    rows=(TaskRow("翻译", (Points(81.5, 0, "own_best"), Points(91.0, 2, "best"))),),
    sums=(Points(81.5, 0, "own_best"), Points(91.0, 2, "best")),
    judged=Judged(
        judgements=20,
        unread=2,
        places={"1": PlaceBias(0.5, -0.1, 1.1, 10)},
        lengths=LengthBias(Correlation(0.3, 0.04), Correlation(None, None)),
        orders=Consistency(0, None, None),
    ),
    people=People(ratings=20, blank=1, judge=BOTH, raters={"王": BOTH}, among_themselves={}),
)
SCORE = Score("exam", "accuracy", "", 0.5, 0.25, 0.75, 8, 1)
CLEANED = msgspec.structs.replace(SCORE, group=CLEAN, count=6)
SEEN = Overview("exam", "p", "h", "micro", {"accuracy": SCORE}, 0, None, (), Exposure(2, 8, {"accuracy": CLEANED}))


def review(config: StepConfig, *, out: Path, runtime: Runtime) -> Review:
    return Review(out, FOUND.plain())


def score(config: StepConfig, *, out: Path, runtime: Runtime) -> ScoreSet:
    return ScoreSet(out, SEEN.plain())


def test_the_findings_of_a_review_are_typed(tmp_path: Path) -> None:
    (made,) = run([step(review, StepConfig())], Runtime(store=tmp_path))
    assert Review(made.path).findings == FOUND


def test_a_score_keeps_what_leaked(tmp_path: Path) -> None:
    (made,) = run([step(score, StepConfig())], Runtime(store=tmp_path))
    assert ScoreSet(made.path).overview == SEEN


def test_a_standing_is_one_of_three() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'worst'"):
        msgspec.convert({**FOUND.plain(), "sums": [{"points": 1.0, "unread": 0, "standing": "worst"}]}, Findings)
