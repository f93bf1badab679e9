"""Attention of a laid row by flash attention for sequences of different lengths, with lengths of their own for keys.

The queries of a segment are its places; its keys are gathered from the whole path to it. Flash attention aligns the
last query with the last key, so causality and windows come out right.

Axes: T tokens, P places of keys of all segments together, S segments, H query heads, K key heads, D head size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.segments import Segment


@dataclass(frozen=True)
class Lengths:
    """Which keys go with which queries, as flash attention wants to be told it."""

    place_P: Tensor | None
    """Places of the keys, segment by segment; None where that is the row as it lies."""
    from_query_S: Tensor
    """Number of the first query of each segment, and the end of the last: S + 1 numbers, int32."""
    from_key_S: Tensor
    """Likewise of the first key, as gathered."""
    longest_query: int
    longest_key: int


Kernel = Callable[[Tensor, Tensor, Tensor, Lengths, Scoring], Tensor]
"""Takes queries [T, H, D], gathered keys and values [P, K, D], and returns [T, H, D]."""


def attend(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Return the attention [1, T, H, D] of a query [1, H, T, D] to a key and a value [1, K, T, D].

    Raises `Unfit` for a device, a type or a soft-cap that no installed flash attention computes.
    """
    kernel = _kernel(query, scoring)
    plan = lengths(tuple(segments), query.device)
    queries, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    if plan.place_P is not None:
        keys, values = keys.index_select(0, plan.place_P), values.index_select(0, plan.place_P)
    return kernel(queries, keys, values, plan, scoring)[None]


@lru_cache(maxsize=4)
def lengths(segments: tuple[Segment, ...], device: torch.device) -> Lengths:
    """Return the lengths of a row's segments, made once for all layers of a forward pass."""
    if any(left.end != right.start for left, right in pairwise(segments)) or segments[0].start:
        raise Unfit("the segments are not in the order of their places")
    queries = [segment.end - segment.start for segment in segments]
    keys = [segment.offset + count for segment, count in zip(segments, queries, strict=True)]
    place_P = None
    if keys != queries:
        spans = [span for segment in segments for span in (*segment.sees, (segment.start, segment.end))]
        place_P = torch.cat([torch.arange(*span) for span in spans]).to(device)
    from_query_S, from_key_S = (
        torch.tensor([0, *accumulate(counts)], dtype=torch.int32, device=device) for counts in (queries, keys)
    )
    return Lengths(place_P, from_query_S, from_key_S, max(queries), max(keys))


def _kernel(query: Tensor, scoring: Scoring) -> Kernel:
    """Return the flash attention that is installed and computes what is asked."""
    if query.device.type != "cuda":
        raise Unfit("flash attention needs a GPU")
    if query.dtype not in (torch.float16, torch.bfloat16):
        raise Unfit("flash attention needs 16-bit numbers")
    if not scoring.softcap and _torch_has_it():
        return _by_torch
    if find_spec("flash_attn"):
        return _by_flash_attn
    raise Unfit("flash attention has no soft-cap here" if scoring.softcap else "flash attention is not installed")


def _torch_has_it() -> bool:
    """Return whether torch has it with a scale and a window, so from 2.11 on."""
    if not find_spec("torch.nn.attention.varlen"):
        return False
    return {"scale", "window_size"} <= set(signature(import_module("torch.nn.attention.varlen").varlen_attn).parameters)


def _window(scoring: Scoring) -> tuple[int, int]:
    """Return how many keys a query sees before itself, -1 for all, and how many behind."""
    return (scoring.window - 1 if scoring.window else -1, 0)


def _by_torch(query: Tensor, key: Tensor, value: Tensor, plan: Lengths, scoring: Scoring) -> Tensor:
    attention = import_module("torch.nn.attention.varlen").varlen_attn
    # From 2.12 on torch wants to be told that heads share keys; before, it takes them without being told.
    shared = {"enable_gqa": query.shape[1] != key.shape[1]} if "enable_gqa" in signature(attention).parameters else {}
    out: Tensor = attention(
        query,
        key,
        value,
        plan.from_query_S,
        plan.from_key_S,
        plan.longest_query,
        plan.longest_key,
        scale=scoring.scale,
        window_size=_window(scoring),
        **shared,
    )
    return out


def _by_flash_attn(query: Tensor, key: Tensor, value: Tensor, plan: Lengths, scoring: Scoring) -> Tensor:
    out: Tensor = import_module("flash_attn").flash_attn_varlen_func(
        query,
        key,
        value,
        plan.from_query_S,
        plan.from_key_S,
        plan.longest_query,
        plan.longest_key,
        softmax_scale=scoring.scale,
        causal=True,
        window_size=_window(scoring),
        **({"softcap": scoring.softcap} if scoring.softcap else {}),
    )
    return out
