"""Two sides that were not asked the same: the items they share are paired, and what is left out is said."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.evaluation.desk import Desk, chance, given, question

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.evaluation.cautions import otherwise
from zhiyin.evaluation.gate import Config
from zhiyin.execution.step import Step
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.score import Ruling

QUESTIONS = [question(number, kind) for kind in ("capital", "sum") for number in range(150)]
EXAM = {"name": "generated_exam", "protocol": "answer_text"}
TEXTS = [Document(f"d{number}", "好" * (number % 7 + 1) + str(number), "test") for number in range(60)]


def asked(desk: Desk, records: Sequence[Conversation], skill: float) -> Step[ScoreSet]:
    return desk.scored(desk.prepared(EXAM, given(records)), "skilled", skill)


def common(desk: Desk, before: Step[ScoreSet], after: Step[ScoreSet], **config: Any) -> Verdict:
    wanted = {"measures": ("accuracy",), "expect": "any", "items": "common", **config}
    found: Verdict = desk.run(desk.gated(before, after, **wanted))
    return found


def known(records: Sequence[Conversation], skill: float) -> int:
    return sum(chance(record.id) < skill for record in records)


def test_the_difference_is_that_of_the_common_items_by_hand(desk: Desk) -> None:
    """Before: 0 to 199 of 300; after: 120 to 299. So 80 are paired, 120 and 100 are left out."""
    found = common(desk, asked(desk, QUESTIONS[:200], 0.5), asked(desk, QUESTIONS[120:], 0.8))
    shared = QUESTIONS[120:200]
    (one,) = found.comparisons
    assert one.count == 80
    assert (one.before, one.after) == (known(shared, 0.5) / 80, known(shared, 0.8) / 80)
    assert one.difference == pytest.approx((known(shared, 0.8) - known(shared, 0.5)) / 80)
    assert (one.gained, one.lost) == (known(shared, 0.8) - known(shared, 0.5), 0)
    assert one.low < one.difference < one.high
    assert found.ruling.warnings[0] == (
        "80 of 300 items matched: 120 before and 100 after stand on one side only and are left out"
    )


def test_a_smaller_part_of_the_same_set(desk: Desk) -> None:
    found = common(desk, asked(desk, QUESTIONS, 0.5), asked(desk, QUESTIONS[:150], 0.5))
    assert next(iter(found.comparisons)).count == 150
    assert found.ruling.warnings[0].startswith("150 of 300 items matched: 150 before and 0 after")


def test_other_ids_are_no_hindrance_and_another_question_under_the_same_id_is(desk: Desk) -> None:
    moved = [structs.replace(record, id=f"moved-{record.id}") for record in QUESTIONS[:100]]
    swapped = [structs.replace(question(900 + n), id=record.id) for n, record in enumerate(QUESTIONS[100:])]
    found = common(desk, asked(desk, QUESTIONS, 0.5), asked(desk, [*moved, *swapped], 0.5))
    (one,) = found.comparisons
    assert one.count == 100
    assert one.before == known(QUESTIONS[:100], 0.5) / 100
    assert one.after == known(moved, 0.5) / 100
    assert found.ruling.warnings[0].startswith("100 of 500 items matched: 200 before and 200 after")


def test_the_same_prompts_need_no_remark(desk: Desk) -> None:
    one = asked(desk, QUESTIONS, 0.5)
    assert common(desk, one, one).ruling.warnings == ()


def test_no_item_in_common_compares_nothing_and_says_so(desk: Desk) -> None:
    found = common(desk, asked(desk, QUESTIONS[:100], 0.5), asked(desk, QUESTIONS[100:], 0.5))
    assert list(found.comparisons) == []
    assert found.ruling.warnings[0] == "no item has the same prompt on both sides (100 before, 200 after)"
    assert (found.ruling.passed, found.ruling.met) == (True, {})


def test_no_item_in_common_fails_an_expectation(desk: Desk) -> None:
    sides = asked(desk, QUESTIONS[:100], 0.5), asked(desk, QUESTIONS[100:], 0.5)
    with pytest.raises(ValueError, match=r"no item has the same prompt on both sides .*; nothing can be compared"):
        common(desk, *sides, expect="rise")


def test_other_prompts_are_refused_unless_common_items_are_asked_for(desk: Desk) -> None:
    sides = asked(desk, QUESTIONS, 0.5), asked(desk, QUESTIONS[:100], 0.5)
    with pytest.raises(ValueError, match=r"marked other prompts .* `items: common` pairs those that stand in both"):
        common(desk, *sides, items="all")
    assert Config(measures=("accuracy",), expect="any").items == "all"


def test_another_benchmark_is_refused(desk: Desk) -> None:
    perplexity = desk.scored(desk.prepared({"name": "perplexity"}, given(TEXTS)), "surprised", 2.0)
    with pytest.raises(ValueError, match="are scores of other benchmarks"):
        common(desk, asked(desk, QUESTIONS, 0.5), perplexity)


def test_a_group_of_the_common_items(desk: Desk) -> None:
    found = common(desk, asked(desk, QUESTIONS[:200], 0.5), asked(desk, QUESTIONS[120:], 0.8), group="sum")
    assert next(iter(found.comparisons)).count == 50
    assert found.ruling.warnings[0].startswith("50 of 150 items matched: 0 before and 100 after")


def test_a_measure_that_cannot_be_compared_is_left_out_and_named(desk: Desk) -> None:
    prompts = desk.prepared({"name": "perplexity"}, given(TEXTS))
    sides = desk.scored(prompts, "surprised", 2.0), desk.scored(prompts, "finer", 1.5)
    measures = ("perplexity", "bits_per_character")
    found = common(desk, *sides, measures=measures)
    assert [one.measure for one in found.comparisons] == ["bits_per_character"]
    assert "compare bits_per_character" in found.ruling.warnings[0]
    with pytest.raises(ValueError, match="count other tokens"):
        common(desk, *sides, measures=measures, expect="fall")


def test_another_way_of_answering_is_named(desk: Desk) -> None:
    prompts = desk.prepared(EXAM, given(QUESTIONS))
    sides = [desk.run(desk.scored(prompts, "skilled", skill)) for skill in (0.5, 0.7)]
    assert list(otherwise(*sides)) == [
        "answered in another way (argument 0.5 -> 0.7): that, too, may make the difference"
    ]
    assert list(otherwise(sides[0], sides[0])) == []


def test_another_way_of_marking_is_named(desk: Desk) -> None:
    chances = [desk.prepared({**EXAM, "chance": chance}, given(QUESTIONS)) for chance in (0.25, 0.5)]
    first, second = (desk.run(desk.scored(prompts, "skilled", 0.5)) for prompts in chances)
    assert list(otherwise(first, second)) == [
        "marked in another way (benchmark.chance 0.25 -> 0.5): that, too, may make the difference"
    ]


def test_another_reference_is_named(desk: Desk) -> None:
    pairs = [Preference(f"p{n}", (Message("user", "问"),), "好", "坏", "test") for n in range(10)]
    prompts = desk.prepared({"name": "preference"}, given(pairs))
    references = [desk.answered(prompts, "leaning", nats) for nats in (0.0, 1.0)]
    first, second = (desk.run(desk.scored(prompts, "leaning", 2.0, reference=one)) for one in references)
    assert list(otherwise(first, second)) == [
        "measured against the answers of another reference: that, too, may make the difference"
    ]


def test_a_verdict_from_before_there_were_warnings_still_reads(desk: Desk) -> None:
    one = asked(desk, QUESTIONS, 0.5)
    plain = {name: value for name, value in common(desk, one, one).summary.items() if name != "warnings"}
    assert msgspec.convert(plain, Ruling).warnings == ()
