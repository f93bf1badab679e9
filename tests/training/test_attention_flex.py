"""Flex attention is shown the same places as the dense mask, and computes the same; without gradients on a CPU."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.rows import SCORINGS, SHAPES, dense, rows, seen, states

from zhiyin.training import attention_flex, attention_segments
from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.segments import Segment

CPU = torch.device("cpu")
UNCOMPILED = "ignore:flex_attention called without torch.compile:UserWarning"


def everywhere(segments: list[Segment], window: int | None) -> torch.Tensor:
    """Return the mask of all pairs of places [T, T]."""
    places = torch.arange(segments[-1].end)
    zero = torch.zeros((), dtype=torch.long)
    return attention_flex.mask(segments, window, CPU)(zero, zero, places[:, None], places[None, :])


@settings(max_examples=100, deadline=None)
@given(rows(), st.sampled_from([None, 1, 2, 5, 30, 100]))
def test_the_mask_is_the_one_found_place_by_place(segments: list[Segment], window: int | None) -> None:
    assert torch.equal(everywhere(segments, window), seen(segments, window))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mask_of_every_shape(shape: str) -> None:
    for window in (None, 3, 25):
        assert torch.equal(everywhere(SHAPES[shape], window), seen(SHAPES[shape], window))


@pytest.mark.filterwarnings(UNCOMPILED)
@pytest.mark.parametrize("heads", [(2, 2), (4, 2)])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("shape", ["pair", "tree"])
def test_values_are_those_of_the_other_backend_and_of_a_dense_softmax(
    shape: str, scoring: str, heads: tuple[int, int]
) -> None:
    segments, how = SHAPES[shape], SCORINGS[scoring]
    query, key, value = states(segments, heads, 16)
    found = attention_flex.attend(query, key, value, segments, how)
    torch.testing.assert_close(found, dense(query, key, value, segments, how), rtol=1e-5, atol=1e-5)
    twin = attention_segments.attend(query, key, value, segments, how)
    torch.testing.assert_close(found, twin, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings(UNCOMPILED)
def test_blocks_without_anything_seen_are_skipped_and_made_once_for_a_window() -> None:
    segments = tuple(Segment(start, start + 128) for start in range(0, 1024, 128))
    blocks = attention_flex._blocks(segments, None, CPU)
    assert blocks.sparsity() == pytest.approx(100 * 7 / 8)
    attention_flex._blocks.cache_clear()
    query, key, value = states(list(segments), (2, 1), 16)
    for _ in range(3):
        for window in (None, 64):
            # The layers of a sharded model get the segments as new tuples of equal ones.
            copied = [Segment(one.start, one.end, one.sees) for one in segments]
            attention_flex.attend(query, key, value, copied, Scoring(0.25, window=window))
    assert attention_flex._blocks.cache_info().misses == 2
    assert attention_flex._capped(30.0) is attention_flex._capped(30.0)


def test_a_row_that_is_not_laid_beginning_first_is_refused() -> None:
    late = [Segment(0, 5), Segment(5, 9), Segment(9, 12, ((0, 5),))]
    with pytest.raises(Unfit, match="not laid beginning first"):
        attention_flex.mask(late, None, CPU)
    with pytest.raises(Unfit, match="order of their places"):
        attention_flex.mask([late[1], late[0]], None, CPU)
