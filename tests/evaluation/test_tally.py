"""Scores against sums done by hand, and the choice of interval."""

import math

import pytest

from zhiyin.evaluation.exam import Category
from zhiyin.evaluation.significance import Resampling, mean_interval, wilson
from zhiyin.evaluation.tally import scores, tallies
from zhiyin.records.score import Mark, Score


def marks(measure: str, values: dict[str, list[float]]) -> list[Mark]:
    return [
        Mark(f"{group}/{number}", measure, value, extracted="A", group=group)
        for group, some in values.items()
        for number, value in enumerate(some)
    ]


def scored(given: list[Mark], average: str = "micro", categories: tuple[Category, ...] = ()) -> dict[str, Score]:
    (tally,) = tallies(given).values()
    found = scores("exam", tally, "macro" if average == "macro" else "micro", categories, Resampling())
    return {one.group: one for one in found}


EXAM = marks("accuracy", {"a": [1, 0, 1, 1], "b": [0, 0], "c": [1]})


def test_micro_is_the_mean_over_items_with_wilson() -> None:
    found = scored(EXAM)
    assert list(found) == ["", "a", "b", "c"]
    assert found[""].mean == pytest.approx(4 / 7)
    assert (found[""].low, found[""].high) == pytest.approx(tuple(wilson(4, 7)))
    assert (found["b"].mean, found["b"].count) == (0.0, 2)
    assert (found["b"].low, found["b"].high) == pytest.approx(tuple(wilson(0, 2)))


def test_macro_is_the_mean_over_groups_and_the_micro_mean_stands_beside_it() -> None:
    stem, special = Category("STEM", ("a", "b")), Category("special", ("c", "a"), overlapping=True)
    found = scored(EXAM, "macro", (stem, special))
    assert list(found) == ["", "average/micro", "category/STEM", "category/special", "a", "b", "c"]
    assert found[""].mean == pytest.approx((0.75 + 0 + 1) / 3)
    assert found["average/micro"].mean == pytest.approx(4 / 7)
    assert found["category/STEM"].count == 6
    assert found["category/STEM"].mean == pytest.approx(0.375)
    assert found["category/special"].mean == pytest.approx(0.875)
    assert found[""].low < found[""].mean < found[""].high


def test_perplexity_is_e_to_all_nats_over_all_tokens() -> None:
    given = [
        Mark("short", "perplexity", 8.0, extracted="", weight=2),
        Mark("long", "perplexity", 20.0, extracted="", weight=18),
    ]
    found = scored(given)[""]
    assert found.mean == pytest.approx(math.exp(28 / 20))
    assert math.exp(20 / 18) <= found.low < found.mean < found.high <= math.exp(8 / 2) + 1e-9


def test_other_means_have_students_interval_and_other_macro_means_the_bootstrap() -> None:
    lengths = marks("characters", {"a": [3, 5, 9, 4], "b": [7, 30]})
    (tally,) = tallies(lengths).values()
    found = scored(lengths)[""]
    assert (found.low, found.high) == pytest.approx(tuple(mean_interval(tally.values)))
    macro = scored(lengths, "macro")[""]
    assert macro.mean == pytest.approx((21 / 4 + 37 / 2) / 2)
    assert macro.low < macro.mean < macro.high


def test_unanswered_counts_items_and_samples_of_a_prompt_are_averaged_first() -> None:
    given = [
        Mark("one", "accuracy", 1.0, extracted="A"),
        Mark("one", "accuracy", 0.0, extracted=None),
        Mark("two", "accuracy", 0.0, extracted="B"),
    ]
    found = scored(given)[""]
    assert (found.mean, found.count, found.unanswered) == (0.25, 2, 1)


def test_marks_that_cannot_be_added_up_are_refused() -> None:
    with pytest.raises(ValueError, match="x: perplexity needs a finite value and a weight above 0"):
        tallies([Mark("x", "perplexity", 1.0, extracted="", weight=0)])
    with pytest.raises(ValueError, match="finite"):
        tallies([Mark("x", "accuracy", math.nan, extracted="")])
    with pytest.raises(ValueError, match="two groups, 'a' and 'b'"):
        tallies([Mark("x", "accuracy", 1, extracted="", group=group) for group in "ab"])
