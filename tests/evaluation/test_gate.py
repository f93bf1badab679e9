"""Paired comparisons, and the rule that each expectation stands for."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, chance, given, question, subject_files

from zhiyin.artifacts import Verdict
from zhiyin.evaluation.gate import Config
from zhiyin.records.conversation import Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.score import Comparison, Flip

QUESTIONS = [question(number, kind) for kind in ("capital", "sum") for number in range(150)]
EXAM = {"name": "generated_exam", "protocol": "answer_text"}


def verdict(desk: Desk, before: float, after: float, **config: Any) -> Verdict:
    prompts = desk.prepared(EXAM, given(QUESTIONS))
    sides = desk.scored(prompts, "skilled", before), desk.scored(prompts, "skilled", after)
    found: Verdict = desk.run(desk.gated(*sides, **{"measures": ("accuracy",), **config}))
    return found


def test_a_rise_by_hand(desk: Desk) -> None:
    found = verdict(desk, 0.5, 0.7, expect="rise")
    (one,) = found.comparisons
    before, after = (sum(chance(record.id) < skill for record in QUESTIONS) for skill in (0.5, 0.7))
    assert (one.before, one.after) == (before / 300, after / 300)
    assert one.difference == pytest.approx((after - before) / 300)
    assert (one.gained, one.lost, one.count) == (after - before, 0, 300)
    assert one.p == pytest.approx(2 / 2 ** (after - before))
    share = one.difference
    half = 1.96 * math.sqrt(share * (1 - share) / 300)
    assert (one.low, one.high) == pytest.approx((share - half, share + half), abs=0.007)
    assert found.summary["passed"] is True
    assert found.summary["met"] == {"accuracy": True}
    assert found.summary["comparisons"]["accuracy"]["difference"] == one.difference


def test_flipped_items_are_named(desk: Desk) -> None:
    found = verdict(desk, 0.6, 0.5, expect="fall")
    flipped = list(found.flips)
    assert isinstance(flipped[0], Flip)
    expected = [record.id for record in QUESTIONS if 0.5 <= chance(record.id) < 0.6]
    assert [flip.prompt_id for flip in flipped] == expected
    assert {(flip.before, flip.after) for flip in flipped} == {(1.0, 0.0)}


@pytest.mark.parametrize(
    ("before", "after", "expect", "margin", "passed"),
    [
        (0.5, 0.7, "rise", 0.0, True),
        (0.7, 0.5, "rise", 0.0, False),
        (0.5, 0.5, "rise", 0.0, False),
        (0.7, 0.5, "fall", 0.0, True),
        (0.5, 0.7, "fall", 0.0, False),
        (0.5, 0.5, "not_fall", 0.01, True),
        (0.5, 0.49, "not_fall", 0.05, True),
        (0.5, 0.49, "not_fall", 0.01, False),
        (0.7, 0.5, "not_fall", 0.05, False),
        (0.7, 0.5, "any", 0.0, True),
    ],
)
def test_expectations(desk: Desk, before: float, after: float, expect: str, margin: float, passed: bool) -> None:
    found = verdict(desk, before, after, expect=expect, margin=margin)
    assert found.summary["passed"] is passed
    assert found.summary["met"] == ({} if expect == "any" else {"accuracy": passed})


def test_a_proven_loss_beyond_the_budget_fails_and_says_where(desk: Desk) -> None:
    found = verdict(desk, 0.7, 0.5, expect="within_budget", budget="-2pt", required=True).ruling
    assert (found.passed, found.required, found.budget) == (False, True, -0.02)
    (said,) = found.failures
    assert re.fullmatch(
        r"expected a change of -0\.02 at worst, but accuracy went from 0\.\d+ to 0\.\d+: -0\.\d+, "
        r"interval -0\.\d+ to -0\.\d+; most in (capital|sum) \(-0\.\d+\), (capital|sum) \(-0\.\d+\)",
        said,
    )


@pytest.mark.parametrize(
    ("before", "after", "budget", "passed"),
    [(0.5, 0.49, 0, True), (0.7, 0.5, "-30pt", True), (0.7, 0.5, -0.05, False), (0.5, 0.7, "+1pt", True)],
)
def test_a_budget_is_kept_while_the_interval_reaches_it(
    desk: Desk, before: float, after: float, budget: float | str, passed: bool
) -> None:
    found = verdict(desk, before, after, expect="within_budget", budget=budget)
    (one,) = found.comparisons
    assert found.ruling.passed is (one.high >= found.ruling.budget) is passed
    assert bool(found.ruling.failures) is not passed


def test_groups_are_compared_and_corrected_for_their_number(desk: Desk) -> None:
    found = verdict(desk, 0.5, 0.7, expect="any")
    groups = {one.group: one for one in found.groups}
    assert groups.keys() == {"capital", "sum"}
    first, second = sorted(one.p or 0.0 for one in groups.values())
    assert sorted(one.p_holm or 0.0 for one in groups.values()) == pytest.approx([2 * first, max(2 * first, second)])
    assert sum(one.count for one in groups.values()) == 300
    (whole,) = found.comparisons
    assert sum(one.gained for one in groups.values()) == whole.gained
    assert (whole.group, whole.p_holm, whole.relative) == ("", None, whole.difference / whole.before)


def test_categories_are_compared_before_their_subjects(desk: Desk, tmp_path: Path) -> None:
    rows = [f"问题{number},甲,乙,丙,丁,{'ABCD'[number % 4]}" for number in range(40)]
    folder = subject_files(tmp_path / "cmmlu", {"agronomy": rows, "anatomy": rows, "astronomy": rows})
    prompts = desk.prepared({"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "anatomy", "astronomy"]})
    sides = desk.scored(prompts, "skilled", 0.4), desk.scored(prompts, "skilled", 0.8)
    found: Verdict = desk.run(desk.gated(*sides, measures=("accuracy",), expect="rise"))
    groups = {one.group: one for one in found.groups}
    assert list(groups) == ["category/Other", "category/STEM", "agronomy", "anatomy", "astronomy"]
    stem, parts = groups["category/STEM"], [groups["anatomy"], groups["astronomy"]]
    assert stem.difference == pytest.approx(sum(one.difference for one in parts) / 2)
    assert stem.count == 80


def test_one_group_may_be_compared(desk: Desk) -> None:
    found = verdict(desk, 0.5, 0.7, expect="any", group="sum")
    (one,) = found.comparisons
    assert one.count == 150
    with pytest.raises(ValueError, match="is in the group 'sums'"):
        verdict(desk, 0.5, 0.7, expect="any", group="sums")


def test_an_unknown_measure_names_the_nearest(desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"has no measure 'acuracy' \(did you mean 'accuracy'\?\)"):
        verdict(desk, 0.5, 0.7, expect="any", measures=("acuracy",))


def test_other_prompts_cannot_be_paired(desk: Desk) -> None:
    first, second = (
        desk.prepared(EXAM, given(QUESTIONS)),
        desk.prepared({**EXAM, "protocol": "letter"}, given(QUESTIONS)),
    )
    sides = desk.scored(first, "skilled", 0.5), desk.scored(second, "skilled", 0.5)
    with pytest.raises(ValueError, match="marked other prompts"):
        desk.run(desk.gated(*sides, measures=("accuracy",), expect="any"))


TEXTS = [Document(f"d{number}", "好" * (number % 7 + 1), "test") for number in range(60)]


def test_perplexity_is_compared_as_perplexity(desk: Desk) -> None:
    prompts = desk.prepared({"name": "perplexity"}, given(TEXTS))
    sides = desk.scored(prompts, "surprised", 2.0), desk.scored(prompts, "surprised", 1.5)
    found = desk.run(desk.gated(*sides, measures=("perplexity", "bits_per_character"), expect="fall"))
    per_token, per_character = found.comparisons
    characters = sum(len(text.text) for text in TEXTS)
    tokens = sum((len(text.text) + 1) // 2 for text in TEXTS)
    assert per_token.before == pytest.approx(math.exp(2.0 * characters / tokens))
    assert per_token.difference == pytest.approx(per_token.after - per_token.before)
    assert per_token.low < per_token.difference < per_token.high < 0
    assert per_character.difference == pytest.approx(-0.5 / math.log(2))
    assert (per_token.p, per_token.gained, per_token.lost) == (None, 0, 60)
    assert found.summary["passed"] is True


def test_perplexities_of_two_tokenizers_are_not_compared(desk: Desk) -> None:
    prompts = desk.prepared({"name": "perplexity"}, given(TEXTS))
    sides = desk.scored(prompts, "surprised", 2.0), desk.scored(prompts, "finer", 1.5)
    with pytest.raises(ValueError, match=r"count other tokens in d0, .* compare bits_per_character"):
        desk.run(desk.gated(*sides, measures=("perplexity",), expect="fall"))
    assert desk.run(desk.gated(*sides, measures=("bits_per_character",), expect="fall")).summary["passed"] is True


def test_preferences_rise_from_the_reference_and_the_reference_itself_stands_at_a_tie(desk: Desk) -> None:
    pairs = [Preference(f"p{n}", (Message("user", "问"),), "好", "坏", "test") for n in range(40)]
    prompts = desk.prepared({"name": "preference"}, given(pairs))
    reference = desk.answered(prompts, "leaning", 0.0)
    before = desk.scored(prompts, "leaning", 0.0, reference=reference)
    after = desk.scored(prompts, "leaning", 2.0, reference=reference)
    found = desk.run(desk.gated(before, after, measures=("reward_accuracy", "reward_margin"), expect="rise"))
    accuracy, margin = found.comparisons
    assert isinstance(accuracy, Comparison)
    assert (accuracy.before, accuracy.after, accuracy.gained, accuracy.p) == (0.5, 1.0, 40, None)
    assert (margin.before, margin.low > 0) == (0.0, True)
    idle = desk.gated(before, before, measures=("reward_accuracy",), expect="rise")
    assert desk.run(idle).summary["passed"] is False


def test_a_gate_compares_something() -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        Config(measures=(), expect="any")
