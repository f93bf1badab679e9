"""Attention of a laid row, segment by segment: exact, and nothing is computed for tokens that do not see each other.

It enters a model through `transformers.AttentionInterface`, so no model code is changed. The segments travel with the
forward call as the keyword `segments`.

Axes: H query heads, K key heads, G query heads of a key head, T tokens, Q queries of a tile, L keys it sees,
D head size.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from zhiyin.training.segments import Segment, Span

NAME = "zhiyin_segments"
TILE = 256
"""Queries attended at once: a tile sees only the keys up to its own end, which spares half of a long segment's work."""
SAFE_EXPONENT = 60.0
"""Scores capped below this need no maximum taken off before exp: float32 holds e^60 times any length."""

_calls: ContextVar[list[int] | None] = ContextVar("_calls", default=None)


def register() -> None:
    """Make the name `zhiyin_segments` known to transformers; it needs no mask."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Collect the number of keys of every call of `attend`: a model that ignores the registered name calls it never."""
    calls: list[int] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: Sequence[Segment],
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """Return the attention [1, T, H, D] of one laid row; `query` is [1, H, T, D], `key` and `value` [1, K, T, D].

    `softcap` is Gemma-2's on the scores; `sliding_window` the number of positions a token sees, itself included.
    """
    if dropout:
        raise ValueError("segment attention has no dropout on the scores: set attention_dropout to 0")
    if (calls := _calls.get()) is not None:
        calls.append(key.shape[2])
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    out: Tensor = _Segments.apply(query, key, value, tiles(segments, sliding_window), scale, softcap, sliding_window)
    return out, None


@dataclass(frozen=True)
class Tile:
    """Queries in places start..end, and the spans of the keys they see, which end where the queries do."""

    start: int
    end: int
    keys: tuple[Span, ...]


def tiles(segments: Sequence[Segment], sliding_window: int | None) -> list[Tile]:
    """Cut segments into tiles; keys before the window of a tile's first query are left out."""
    found = []
    for segment in segments:
        for start in range(segment.start, segment.end, TILE):
            end = min(start + TILE, segment.end)
            first = segment.offset + start - segment.start
            unseen = max(0, first - sliding_window + 1) if sliding_window else 0
            found.append(Tile(start, end, _behind(unseen, (*segment.sees, (segment.start, end)))))
    return found


def _behind(skip: int, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans without their first `skip` places."""
    kept = []
    for start, end in spans:
        cut = min(skip, end - start)
        skip -= cut
        if start + cut < end:
            kept.append((start + cut, end))
    return tuple(kept)


class _Segments(torch.autograd.Function):
    """Keeps q, k, v, the output and a log-sum for each query; scores are computed again in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        plan: list[Tile],
        scale: float,
        softcap: float | None,
        window: int | None,
    ) -> Tensor:
        _, H, T, D = query.shape
        out = query.new_empty(1, T, H, D)
        lse_HT = query.new_empty(H, T, dtype=torch.float32)
        for tile in plan:
            q_KQD, k_KLD, v_KLD = _grouped(query, tile, key), _gather(key, tile), _gather(value, tile)
            scores = _scores(q_KQD, k_KLD, scale, softcap)
            if softcap:
                scores.mul_(softcap)
            _hide(scores, tile, window, float("-inf"))
            top = None
            if softcap is None or softcap > SAFE_EXPONENT:
                top = scores.amax(-1, keepdim=True)
                scores.sub_(top)
            total = scores.exp_().sum(-1, keepdim=True)
            mixed = torch.bmm(scores.to(value.dtype), v_KLD).div_(total.to(value.dtype))
            out[0, tile.start : tile.end] = mixed.view(H, -1, D).transpose(0, 1)
            lse = total.log_() if top is None else total.log_().add_(top)
            lse_HT[:, tile.start : tile.end] = lse.view(H, -1)
        ctx.save_for_backward(query, key, value, out, lse_HT)
        ctx.plan, ctx.scale, ctx.softcap, ctx.window = plan, scale, softcap, window
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, out, lse_HT = ctx.saved_tensors
        (grad_out,) = grads
        H, D = query.shape[1], query.shape[3]
        dq, dk, dv = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        delta_HT = (grad_out * out).sum(-1, dtype=torch.float32)[0].transpose(0, 1)
        for tile in ctx.plan:
            here = slice(tile.start, tile.end)
            q_KQD, k_KLD, v_KLD = _grouped(query, tile, key), _gather(key, tile), _gather(value, tile)
            K, rows = q_KQD.shape[:2]
            grad_KQD = grad_out[0, here].transpose(0, 1).reshape(K, rows, D)
            scores = _scores(q_KQD, k_KLD, ctx.scale, ctx.softcap)
            weights = torch.add(-lse_HT[:, here].reshape(K, rows, 1), scores, alpha=ctx.softcap or 1.0).exp_()
            _hide(weights, tile, ctx.window, 0.0)
            slope = torch.bmm(grad_KQD, v_KLD.transpose(1, 2)).float()
            slope.sub_(delta_HT[:, here].reshape(K, rows, 1)).mul_(weights)
            if ctx.softcap:
                slope.addcmul_(slope, scores.square_(), value=-1)
            slope = slope.to(query.dtype)
            dq[0, :, here] = torch.bmm(slope, k_KLD).mul_(ctx.scale).view(H, -1, D)
            _scatter(dk, tile, torch.bmm(slope.transpose(1, 2), q_KQD).mul_(ctx.scale))
            _scatter(dv, tile, torch.bmm(weights.to(value.dtype).transpose(1, 2), grad_KQD))
        return dq, dk, dv, None, None, None, None


def _grouped(query: Tensor, tile: Tile, key: Tensor) -> Tensor:
    """Return the queries [K, G x Q, D] of a tile, those of one key head together."""
    return query[0, :, tile.start : tile.end].reshape(key.shape[1], -1, query.shape[3])


def _gather(states: Tensor, tile: Tile) -> Tensor:
    """Return the keys or values [K, L, D] that a tile sees."""
    parts = [states[0, :, start:end] for start, end in tile.keys]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _scatter(gradient: Tensor, tile: Tile, part: Tensor) -> None:
    """Add the gradient [K, L, D] of a tile's keys where they stand."""
    at = 0
    for start, end in tile.keys:
        gradient[0, :, start:end] += part[:, at : at + end - start]
        at += end - start


def _scores(q_KQD: Tensor, k_KLD: Tensor, scale: float, softcap: float | None) -> Tensor:
    """Return the float32 scores [K, G x Q, L]; with a soft-cap their tanh, still to be multiplied by it."""
    scaled = q_KQD * (scale / softcap if softcap else scale)
    scores = torch.bmm(scaled, k_KLD.transpose(1, 2)).float()
    return scores.tanh_() if softcap else scores


def _hide(scores: Tensor, tile: Tile, window: int | None, filler: float) -> None:
    """Fill what a query does not see: the keys behind it, and those before its window."""
    count, keys = tile.end - tile.start, scores.shape[2]
    by_query = scores.view(scores.shape[0], -1, count, keys)
    behind = torch.ones(count, count, dtype=torch.bool, device=scores.device).triu_(1)
    by_query[..., keys - count :].masked_fill_(behind, filler)
    if window and keys > window:
        distance = torch.arange(keys - count, keys, device=scores.device)[:, None] - torch.arange(
            keys, device=scores.device
        )
        by_query.masked_fill_(distance >= window, filler)
