"""Buckets and groups, against loops over all pairs."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.kernels.buckets import NEIGHBOURS, joined, pairs, shared

KEYS = st.lists(st.integers(0, 6), max_size=25)
EDGES = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=25)


def found_pairs(keys: list[int]) -> list[tuple[int, int]]:
    some = pairs(np.array(keys, np.uint64))
    return [pair for left, right in some for pair in zip(left.tolist(), right.tolist(), strict=True)]


@given(KEYS)
def test_every_pair_of_a_key_is_found_once(keys: list[int]) -> None:
    expected = [(one, other) for one, other in combinations(range(len(keys)), 2) if keys[one] == keys[other]]
    assert sorted(found_pairs(keys)) == expected
    in_pairs = {place for pair in expected for place in pair}
    assert shared(np.array(keys, np.uint64)).tolist() == [place in in_pairs for place in range(len(keys))]


def test_a_large_bucket_is_a_chain() -> None:
    size = 3 * NEIGHBOURS
    expected = [(one, other) for one, other in combinations(range(size), 2) if other - one <= NEIGHBOURS]
    assert sorted(found_pairs([7] * size)) == expected


def lowest(size: int, edges: list[tuple[int, int]]) -> list[int]:
    """Label each place with the lowest one it hangs together with, by a walk from every place."""
    near: dict[int, set[int]] = {place: {place} for place in range(size)}
    for left, right in edges:
        near[left].add(right)
        near[right].add(left)
    labels = []
    for place in range(size):
        seen, waiting = {place}, [place]
        while waiting:
            new = near[waiting.pop()] - seen
            seen |= new
            waiting += new
        labels.append(min(seen))
    return labels


@given(EDGES, EDGES)
def test_groups(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    labels = np.arange(15)
    for edges in (first, second):
        left, right = np.array(edges, np.int64).reshape(-1, 2).T
        before = labels.copy()
        after = joined(labels, left, right)
        assert (labels == before).all()
        labels = after
    assert labels.tolist() == lowest(15, first + second)
