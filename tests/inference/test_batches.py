"""Grouping by length: everything once, within the limits, with little padding."""

from hypothesis import given
from hypothesis import strategies as st

from zhiyin.inference.batches import by_length


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_every_index_once_within_the_limit(lengths: list[int], padded: int) -> None:
    batches = list(by_length(lengths, padded=padded))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= padded for batch in batches)


def test_like_lengths_meet_and_the_longest_come_first() -> None:
    assert list(by_length([2, 9, 2, 9, 2], padded=18)) == [[1, 3], [0, 2, 4]]


def test_weights_are_limited_too() -> None:
    assert list(by_length([3, 3, 3, 3], padded=100, weights=[1, 1, 2, 9], heaviest=3)) == [[0, 1], [2], [3]]
