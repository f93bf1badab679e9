"""Flash attention is told the right lengths: a plain loop over them computes what a dense softmax computes.

The kernel needs a GPU; here a loop of torch's own attention stands in its place, and reads the same arrays.
"""

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.rows import SCORINGS, SHAPES, dense, rows, seen, states
from torch import Tensor

from zhiyin.training import attention_varlen
from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.attention_varlen import Lengths, attend, lengths
from zhiyin.training.segments import Segment

CPU = torch.device("cpu")
UNCAPPED = [name for name, scoring in SCORINGS.items() if not scoring.softcap]


def flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    from_query: Tensor,
    from_key: Tensor,
    longest_query: int,
    longest_key: int,
    *,
    scale: float,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """Compute what flash attention's documentation promises: the last query stands at the last key."""
    assert from_query.dtype == from_key.dtype == torch.int32
    assert longest_query == int(from_query.diff().max())
    assert longest_key == int(from_key.diff().max())
    left, right = window_size
    parts = []
    for at in range(len(from_query) - 1):
        mine = [states[start:end].transpose(0, 1)[None] for states, (start, end) in zip(
            (query, key, value), (from_query[at : at + 2], *[from_key[at : at + 2]] * 2), strict=True
        )]  # fmt: skip
        rows, columns = mine[0].shape[2], mine[1].shape[2]
        distance = torch.arange(columns) - torch.arange(columns - rows, columns)[:, None]
        mask = (distance <= right) & ((distance >= -left) | (left < 0))
        out = torch.nn.functional.scaled_dot_product_attention(
            mine[0], mine[1], mine[2], mask, scale=scale, enable_gqa=enable_gqa
        )
        parts.append(out[0].transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the loop in the place of torch's kernel."""
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", flash)
    monkeypatch.setattr(attention_varlen, "_kernel", lambda query, scoring: attention_varlen._by_torch)


def both(
    compute: Callable[..., Tensor], segments: list[Segment], scoring: Scoring, heads: tuple[int, int]
) -> list[Tensor]:
    """Return the attention, and the gradients of query, key and value."""
    query, key, value = (state.requires_grad_() for state in states(segments, heads))
    out = compute(query, key, value, segments, scoring)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(4))
    return [out.detach(), *torch.autograd.grad(out, (query, key, value), weight)]


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("heads", [(2, 2), (4, 2)])
@pytest.mark.parametrize("scoring", UNCAPPED)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_a_dense_softmax(shape: str, scoring: str, heads: tuple[int, int]) -> None:
    found, expected = (both(compute, SHAPES[shape], SCORINGS[scoring], heads) for compute in (attend, dense))
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(rows(), st.sampled_from([0, 1, 4, 50]))
def test_the_last_query_of_a_segment_stands_at_the_last_of_its_keys(segments: list[Segment], window: int) -> None:
    plan = lengths(tuple(segments), CPU)
    total = int(plan.from_key_S[-1])
    places = torch.arange(total) if plan.place_P is None else plan.place_P
    assert len(places) == total
    asked = seen(segments, window or None)
    left, right = attention_varlen._window(Scoring(1.0, window=window or None))
    for number in range(len(segments)):
        (start, end), (first, last) = (
            cumulative[number : number + 2].tolist() for cumulative in (plan.from_query_S, plan.from_key_S)
        )
        for query in range(start, end):
            own = last - (end - query)
            lowest = max(first, own - left) if left >= 0 else first
            assert places[lowest : own + right + 1].tolist() == asked[query].nonzero().flatten().tolist()


def test_a_row_without_shared_beginnings_is_not_gathered() -> None:
    assert lengths(tuple(SHAPES["neighbours"]), CPU).place_P is None
    assert lengths(tuple(SHAPES["pair"]), CPU) is lengths(tuple(SHAPES["pair"]), CPU)
    with pytest.raises(Unfit, match="order of their places"):
        lengths((Segment(3, 5), Segment(0, 3)), CPU)


def test_what_flash_attention_cannot_compute_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    segments = SHAPES["pair"]
    with pytest.raises(Unfit, match="needs a GPU"):
        attend(*states(segments), segments, Scoring(1.0))
    kernel = attention_varlen._kernel
    wide, narrow = (
        cast("Tensor", SimpleNamespace(device=torch.device("cuda"), dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    )
    with pytest.raises(Unfit, match="16-bit"):
        kernel(wide, Scoring(1.0))
    installed = {"flash_attn": False}
    monkeypatch.setattr(attention_varlen, "find_spec", lambda name: installed.get(name, True) or None)
    assert kernel(narrow, Scoring(1.0)) is attention_varlen._by_torch
    with pytest.raises(Unfit, match="no soft-cap"):
        kernel(narrow, Scoring(1.0, softcap=50.0))
    installed["flash_attn"] = True
    assert kernel(narrow, Scoring(1.0, softcap=50.0)) is attention_varlen._by_flash_attn
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", lambda query, is_causal: query)
    assert kernel(narrow, Scoring(1.0)) is attention_varlen._by_flash_attn
    installed["flash_attn"] = False
    with pytest.raises(Unfit, match="not installed"):
        kernel(narrow, Scoring(1.0))


def test_flash_attn_is_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(*states: object, softmax_scale: float, causal: bool, window_size: tuple[int, int]) -> Tensor:
        assert causal
        return flash(*states, scale=softmax_scale, window_size=window_size, enable_gqa=True)  # type: ignore[arg-type]

    monkeypatch.setitem(sys.modules, "flash_attn", SimpleNamespace(flash_attn_varlen_func=theirs))
    monkeypatch.setattr(attention_varlen, "_kernel", lambda query, scoring: attention_varlen._by_flash_attn)
    segments = SHAPES["tree"]
    query, key, value = states(segments)
    how = SCORINGS["windowed"]
    torch.testing.assert_close(attend(query, key, value, segments, how), dense(query, key, value, segments, how))
    assert isinstance(lengths(tuple(segments), CPU), Lengths)
