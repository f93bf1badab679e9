"""The back-end of the CPU computes what one dense softmax computes, and so do its gradients."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.rows import SCORINGS, SHAPES, dense, rows, seen, states
from torch import Tensor

from zhiyin.training import attention_segments
from zhiyin.training.attention import Scoring
from zhiyin.training.attention_segments import attend, tiles
from zhiyin.training.segments import Segment

HEADS = [(2, 2), (4, 2), (3, 1)]


@pytest.fixture(params=[5, 128])
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut segments into many tiles, or into one."""
    monkeypatch.setattr(attention_segments, "TILE", request.param)
    return int(request.param)


def both(
    compute: Callable[..., Tensor], segments: list[Segment], scoring: Scoring, heads: tuple[int, int]
) -> list[Tensor]:
    """Return the attention, and the gradients of query, key and value."""
    query, key, value = (state.requires_grad_() for state in states(segments, heads))
    out = compute(query, key, value, segments, scoring)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(4))
    return [out.detach(), *torch.autograd.grad(out, (query, key, value), weight)]


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_a_dense_softmax(
    shape: str, scoring: str, heads: tuple[int, int], tile: int
) -> None:
    segments, how = SHAPES[shape], SCORINGS[scoring]
    found, expected = (both(compute, segments, how, heads) for compute in (attend, dense))
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scoring", SCORINGS)
def test_gradients_are_those_of_finite_differences(scoring: str, tile: int) -> None:
    segments = [Segment(0, 4), Segment(4, 10, ((0, 4),)), Segment(10, 12, ((0, 4),)), Segment(12, 15)]
    query, key, value = (state.requires_grad_() for state in states(segments, (2, 1), 3, torch.float64))
    how = SCORINGS[scoring]
    assert torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, segments, how), (query, key, value))


@settings(max_examples=60, deadline=None)
@given(rows(), st.sampled_from([None, 1, 3, 20]), st.sampled_from([1, 4, 128]))
def test_tiles_cover_every_place_once_and_all_that_it_sees(
    segments: list[Segment], window: int | None, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_segments, "TILE", size)
        found = tiles(segments, window)
    assert [place for tile in found for place in range(tile.start, tile.end)] == list(range(segments[-1].end))
    asked = seen(segments, window)
    for tile in found:
        keys = [at for span in tile.keys for at in range(*span)]
        assert set(asked[tile.start : tile.end].any(0).nonzero().flatten().tolist()) == set(keys)


def test_half_of_the_work_is_left_out() -> None:
    """Of a long segment; and with a window, all that lies before it."""
    work = [sum((tile.end - tile.start) * _keys(tile.keys) for tile in tiles([Segment(0, 4096)], window))
            for window in (None, 128)]  # fmt: skip
    assert work[0] < 0.52 * 4096**2
    assert work[1] < 0.07 * 4096**2


def _keys(spans: tuple[tuple[int, int], ...]) -> int:
    return sum(end - start for start, end in spans)
