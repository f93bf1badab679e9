"""Items are matched by id, never by place."""

import pytest

from zhiyin.evaluation.paired import align, compare
from zhiyin.evaluation.significance import Resampling
from zhiyin.evaluation.tally import Tally, tallies
from zhiyin.records.score import Mark


def tally(values: dict[str, float], group: str = "") -> Tally:
    (found,) = tallies(
        Mark(name, "accuracy", value, extracted="A", group=group) for name, value in values.items()
    ).values()
    return found


def test_items_are_matched_by_id() -> None:
    before = tally({"a": 1, "b": 0, "c": 0})
    after = align(before, tally({"c": 0, "a": 1, "b": 1}))
    assert after.ids == ("a", "b", "c")
    found = compare("exam", before, after, "micro", Resampling(resamples=100))
    assert (found.gained, found.lost) == (1, 0)


def test_other_ids_or_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="2 prompts are marked on one side only: b, c"):
        align(tally({"a": 1, "b": 1}), tally({"a": 1, "c": 1}))
    with pytest.raises(ValueError, match="stand in other groups"):
        align(tally({"a": 1}, "x"), tally({"a": 1}, "y"))


def test_a_macro_difference_is_the_mean_over_groups() -> None:
    def both(values: dict[str, list[float]]) -> Tally:
        marks = [
            Mark(f"{group}{n}", "accuracy", value, extracted="A", group=group)
            for group, some in values.items()
            for n, value in enumerate(some)
        ]
        return tallies(marks)["accuracy"]

    before, after = both({"x": [0, 0, 0, 1], "y": [0]}), both({"x": [0, 0, 1, 1], "y": [1]})
    found = compare("exam", before, after, "macro", Resampling(resamples=100))
    assert found.difference == pytest.approx((0.25 + 1) / 2)
    assert compare("exam", before, after, "micro", Resampling(resamples=100)).difference == pytest.approx(0.4)
