"""Rows that begin alike against a plain recursion over their next tokens."""

import random
from collections.abc import Sequence

import pytest

from zhiyin.inference.families import Row, common, families


def best(rows: Sequence[Row], depth: int, cost: int) -> int:
    """Return the tokens saved, less what it costs, by sharing what rows have in common, or parts of them more."""
    if len(rows) < 2:
        return 0
    while len({row[depth] for row in rows}) == 1:
        depth += 1
    branches: dict[int, list[Row]] = {}
    for row in rows:
        branches.setdefault(row[depth], []).append(row)
    return max(depth * (len(rows) - 1) - cost, sum(best(branch, depth, cost) for branch in branches.values()))


def drawn(source: random.Random) -> list[Row]:
    return list({tuple(source.randrange(2) for _ in range(source.randint(1, 14))) for _ in range(7)})


@pytest.mark.parametrize("cost", [0, 2, 4])
def test_no_cut_saves_more(cost: int) -> None:
    source = random.Random(cost)
    shared = 0
    for _ in range(60):
        # No row is the beginning of another one, which would have to keep a token of its own.
        rows = [(*row, 2 + place) for place, row in enumerate(drawn(source))]
        found = families(rows, cost=cost)
        saved = sum((len(family.members) - 1) * family.prefix - cost for family in found if family.prefix)
        assert saved == best(rows, 0, cost)
        shared += saved > 0
    assert shared > 10


@pytest.mark.parametrize("cost", [0, 2])
def test_every_row_keeps_a_token(cost: int) -> None:
    source = random.Random(cost)
    for _ in range(200):
        rows = drawn(source)
        found = families(rows, cost=cost)
        assert sorted(row for family in found for row in family.members) == list(range(len(rows)))
        for family in found:
            assert len({rows[row][: family.prefix] for row in family.members}) == 1
            assert all(family.prefix < len(rows[row]) for row in family.members)
            assert not family.prefix or (len(family.members) - 1) * family.prefix > cost


def test_two_subjects_are_two_families() -> None:
    """A beginning that all have in common does not keep two longer ones from being found."""
    rows = [(0, *subject, question, 7) for subject in ((1, 2, 3), (4, 5, 6, 7)) for question in range(10, 15)]
    found = families(rows, cost=2)
    assert sorted((family.prefix, sorted(family.members)) for family in found) == [
        (4, [0, 1, 2, 3, 4]),
        (5, [5, 6, 7, 8, 9]),
    ]


def test_what_is_not_worth_it_stays_whole() -> None:
    rows = [(1, 2, 3), (1, 2, 4)]
    assert [family.prefix for family in families(rows, cost=2)] == [0]
    assert [family.prefix for family in families(rows, cost=1)] == [2]
    assert families([], cost=0) == []


def test_tokens_in_common() -> None:
    assert common((1, 2, 3), (1, 2, 4)) == 2
    assert common((1, 2), (1, 2, 4)) == 2
    assert common((3,), (1,)) == common((), (1,)) == 0
