"""Counts are exact, and ranks are the same on every machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhiyin.data.sampling import apportion, rank, ranks


@pytest.mark.parametrize(
    ("shares", "total", "counts"),
    [
        ({"a": 0.29, "b": 0.71}, 100, {"a": 29, "b": 71}),
        ({"a": 0.5, "b": 0.3, "c": 0.2}, 80_000, {"a": 40_000, "b": 24_000, "c": 16_000}),
        ({"a": 0.5, "b": 0.3, "c": 0.2}, 7, {"a": 4, "b": 2, "c": 1}),
        ({"b": 0.5, "a": 0.5}, 1, {"a": 1, "b": 0}),
        ({"a": 1.0, "b": 0.0}, 3, {"a": 3, "b": 0}),
        ({"a": 0.333333, "b": 0.333333, "c": 0.333333}, 4, {"a": 2, "b": 1, "c": 1}),
    ],
)
def test_largest_remainder(shares: dict[str, float], total: int, counts: dict[str, int]) -> None:
    assert apportion(shares, total) == counts
    assert apportion(dict(reversed(shares.items())), total) == counts


@settings(deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(sum), st.integers(0, 10_000))
def test_counts_add_up_and_are_off_by_less_than_one(weights: list[int], total: int) -> None:
    shares = {str(place): weight / sum(weights) for place, weight in enumerate(weights)}
    counts = apportion(shares, total)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - share * total) < 1 + 1e-6 for name, share in shares.items())


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}, {}, {"a": 0.99999}])
def test_shares_must_add_to_one(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="add to 1"):
        apportion(shares, 10)


def test_ranks_are_fixed_for_ever() -> None:
    assert rank(0, "mix", "知音") == 9725634949808857144
    assert len({rank(0, "mix", "a"), rank(1, "mix", "a"), rank(0, "split", "a"), rank(0, "mix", "b")}) == 4


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True), st.integers(0, 3))
def test_ranks_of_whole_arrays_are_those_of_each_key(keys: list[int], seed: int) -> None:
    together = ranks(seed, "mix", np.array(keys, np.uint64)).tolist()
    assert together == [ranks(seed, "mix", np.array([key], np.uint64)).item() for key in keys]
    assert len(set(together)) == len(keys)


def test_ranks_are_spread_evenly_and_purposes_know_nothing_of_each_other() -> None:
    keys = np.arange(100_000, dtype=np.uint64)
    one, two = (ranks(0, purpose, keys) for purpose in ("mix", "order"))
    assert ranks(0, "mix", keys[:2]).tolist() == [13210547586156151604, 6130436893187586552]
    assert np.abs(np.bincount((one >> np.uint64(60)).astype(int)) - 6250).max() < 350
    assert abs(np.corrcoef(one.astype(float), two.astype(float))[0, 1]) < 0.02
