"""A laid row holds every sequence wholly, shows each token its own past alone, and shares what it says it shares."""

from hypothesis import given, settings
from hypothesis import strategies as st

from zhiyin.chat.encode import Encoded
from zhiyin.training.segments import LEAST_SAVED, Row, laid_tokens, lay

tokens = st.lists(st.integers(1, 3), max_size=30)


@st.composite
def families(draw: st.DrawFn) -> list[Encoded]:
    """Sequences of which some begin alike."""
    beginnings = [[], *draw(st.lists(st.lists(st.integers(1, 3), min_size=10, max_size=40), max_size=3))]
    found = []
    for _ in range(draw(st.integers(1, 6))):
        ids = [*draw(st.sampled_from(beginnings)), *draw(st.sampled_from(beginnings)), *draw(tokens), 4]
        mask = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
        found.append(Encoded([9, *ids], [False, *mask]))
    return found


def seen(row: Row, place: int) -> list[int]:
    """Return the tokens that a place sees, itself last, in the order of their positions: the obvious way."""
    (segment,) = [one for one in row.segments if one.start <= place < one.end]
    places = [at for start, end in segment.sees for at in range(start, end)] + list(range(segment.start, place + 1))
    assert [row.positions[at] for at in places] == list(range(len(places)))
    return [row.ids[at] for at in places]


@settings(max_examples=200, deadline=None)
@given(families(), st.booleans())
def test_every_supervised_token_is_predicted_from_its_own_past(sequences: list[Encoded], share: bool) -> None:
    row = lay(sequences, share=share)
    expected = [
        (sequence.ids[:at], sequence.ids[at], number)
        for number, sequence in enumerate(sequences)
        for at in range(1, len(sequence.ids))
        if sequence.mask[at]
    ]
    found = zip(row.places, row.targets, row.sequences, strict=True)
    assert [(seen(row, place), token, number) for place, token, number in found] == expected
    assert sorted(at for one in row.segments for at in range(one.start, one.end)) == list(range(len(row.ids)))
    assert laid_tokens(sequences, share=share) == len(row.ids)


@settings(max_examples=100, deadline=None)
@given(families())
def test_sharing_only_saves(sequences: list[Encoded]) -> None:
    apart, shared = lay(sequences, share=False), lay(sequences)
    read = [max((at for at in range(1, len(one.ids)) if one.mask[at]), default=0) for one in sequences]
    assert len(apart.ids) == sum(read)
    assert len(shared.ids) <= len(apart.ids)
    assert not any(one.sees for one in apart.segments)


def answers(*rests: list[int], prompt: int) -> list[Encoded]:
    """Sequences of one prompt of that many tokens, each with an answer of its own."""
    return [Encoded([7] * prompt + rest, [False] * prompt + [True] * len(rest)) for rest in rests]


def test_a_pair_is_prompt_chosen_rejected() -> None:
    row = lay(answers([1, 2, 3], [2, 3], prompt=20))
    assert [(one.start, one.end, one.sees) for one in row.segments] == [
        (0, 20, ()),
        (20, 22, ((0, 20),)),
        (22, 23, ((0, 20),)),
    ]
    assert row.positions == [*range(20), 20, 21, 20]


def test_a_tree_shares_at_every_depth() -> None:
    middle = list(range(30, 30 + LEAST_SAVED))
    row = lay(answers([*middle, 1, 1], [*middle, 2, 2], [3, 3], prompt=20))
    assert sorted(len(one.sees) for one in row.segments) == [0, 1, 1, 2, 2]
    assert len(row.ids) == 20 + LEAST_SAVED + 1 + 1 + 1


def test_a_short_beginning_is_repeated() -> None:
    just, short = (answers([1, 1], [2, 2], prompt=count) for count in (LEAST_SAVED, LEAST_SAVED - 1))
    assert len(lay(just).ids) == LEAST_SAVED + 2
    assert len(lay(short).ids) == 2 * (LEAST_SAVED - 1) + 2


def test_the_same_sequence_twice_is_laid_once() -> None:
    row = lay(answers([1, 2, 3], [1, 2, 3], prompt=20))
    assert len(row.ids) == 22
    assert row.sequences == [0, 0, 0, 1, 1, 1]
