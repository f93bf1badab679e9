"""Grouping by length: everything once, within the limits, with little padding."""

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.inference.batches import MOST_ROWS, by_length, fewest_tokens


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_every_index_once_within_the_limit(lengths: list[int], padded: int) -> None:
    batches = list(by_length(lengths, padded=padded))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= padded for batch in batches)


def test_like_lengths_meet_and_the_longest_come_first() -> None:
    assert list(by_length([2, 9, 2, 9, 2], padded=18)) == [[1, 3], [0, 2, 4]]


def test_weights_are_limited_too() -> None:
    assert list(by_length([3, 3, 3, 3], padded=100, weights=[1, 1, 2, 9], heaviest=3)) == [[0, 1], [2], [3]]


def costs(lengths: list[int], batches: list[list[int]], start: int) -> int:
    return sum(len(batch) * max(lengths[row] for row in batch) + start for batch in batches)


def cuts(order: list[int]) -> Iterator[list[list[int]]]:
    """Yield every way to cut a row of things into pieces."""
    for marks in itertools.product([False, True], repeat=len(order) - 1):
        pieces = [[order[0]]]
        for mark, one in zip(marks, order[1:], strict=True):
            if mark:
                pieces.append([one])
            else:
                pieces[-1].append(one)
        yield pieces


@pytest.mark.parametrize(("padded", "start", "heaviest"), [(1000, 5, 100), (40, 5, 100), (40, 0, 100), (1000, 30, 4)])
def test_no_cut_costs_fewer_tokens(padded: int, start: int, heaviest: int) -> None:
    source = random.Random(padded + start)
    for _ in range(30):
        lengths = [source.randint(1, 25) for _ in range(9)]
        weights = [source.randint(1, 3) for _ in lengths]
        found = fewest_tokens(lengths, padded=padded, start=start, weights=weights, heaviest=heaviest)

        def allowed(batch: list[int]) -> bool:
            wide = len(batch) * max(lengths[row] for row in batch)  # noqa: B023 (called here only)
            return len(batch) == 1 or (wide <= padded and sum(weights[row] for row in batch) <= heaviest)  # noqa: B023

        order = sorted(range(9), key=lambda row: -lengths[row])
        assert [row for batch in found for row in batch] == order
        assert all(map(allowed, found))
        best = min(costs(lengths, pieces, start) for pieces in cuts(order) if all(map(allowed, pieces)))
        assert costs(lengths, found, start) == best


def test_rows_of_one_length_are_together() -> None:
    sizes = [len(batch) for batch in fewest_tokens([5] * 700, padded=10**6, start=8)]
    assert len(sizes) == 2
    assert max(sizes) <= MOST_ROWS
    assert fewest_tokens([3, 50, 3], padded=10**6, start=8) == [[1], [0, 2]]
    assert fewest_tokens([], padded=1, start=1) == []
