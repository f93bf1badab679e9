"""Attention of a laid row by torch's `flex_attention`, which skips every block of a row in which nothing is seen.

A row is laid beginning first: what sees a segment follows it without a gap. So a token sees a place when it stands at
or behind it, before the end of all that sees the place's segment, and when its window reaches back so far. Positions
in the sequence count for the window, not places of the row.

Axes: T tokens of a row.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.segments import Segment

MOST_GRAPHS = 64
"""Compiled variants at most: with and without gradients, of one length and of any."""

Mask = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Takes the numbers of batch, head, query and key, and returns whether the query sees the key."""


def attend(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Return the attention [1, T, H, D] of a query [1, H, T, D] to a key and a value [1, K, T, D].

    On a GPU it is compiled. On a CPU it is not, and torch has no gradient for it there.
    """
    out: Tensor = _kernel(query.device.type)(
        query,
        key,
        value,
        score_mod=_capped(scoring.softcap),
        block_mask=_blocks(tuple(segments), scoring.window, query.device),
        scale=scoring.scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2)


def mask(segments: Sequence[Segment], window: int | None, device: torch.device) -> Mask:
    """Return what tells whether a query place sees a key place; raises `Unfit` if the row is not beginning first."""
    ends = _ends(segments)
    until, depth = list[int](), list[int]()
    for segment, end in zip(segments, ends, strict=True):
        length = segment.end - segment.start
        until += [end] * length
        depth += range(segment.offset, segment.offset + length)
    until_T = torch.tensor(until, device=device)
    depth_T = torch.tensor(depth, device=device)
    first_T = (depth_T - window + 1).clamp_(min=0) if window else torch.zeros_like(depth_T)

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query < until_T[key]) & (first_T[query] <= depth_T[key])

    return sees


def _ends(segments: Sequence[Segment]) -> list[int]:
    """Return for each segment the place at which what sees it ends."""
    if any(left.end != right.start for left, right in pairwise(segments)) or segments[0].start:
        raise Unfit("the segments are not in the order of their places")
    found = []
    for number, segment in enumerate(segments):
        span = (segment.start, segment.end)
        behind = [span in later.sees for later in segments[number + 1 :]]
        count = sum(behind)
        if not all(behind[:count]):
            raise Unfit("the row is not laid beginning first")
        found.append(segments[number + count].end)
    return found


@lru_cache(maxsize=4)
def _blocks(segments: tuple[Segment, ...], window: int | None, device: torch.device) -> Any:
    """Return torch's block mask, made once for all layers of a forward pass that have the same window."""
    from torch.nn.attention.flex_attention import create_block_mask

    tokens = segments[-1].end
    return create_block_mask(mask(segments, window, device), None, None, tokens, tokens, device=device)


@cache
def _capped(softcap: float | None) -> Callable[..., Tensor] | None:
    """Return the change of a score; one function for all calls, or each would be compiled anew."""
    if not softcap:
        return None

    def capped(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return softcap * torch.tanh(score / softcap)

    return capped


@cache
def _kernel(device: str) -> Callable[..., Tensor]:
    """Return `flex_attention`, compiled where that pays."""
    from torch.nn.attention.flex_attention import flex_attention

    if device != "cuda":
        return flex_attention
    compiled: Any = torch.compile(flex_attention, fullgraph=True)

    def run(*states: Tensor, **told: Any) -> Tensor:
        # Without `fullgraph` and a higher limit, the variant too many would hold all scores in memory, in silence.
        with torch._dynamo.config.patch(recompile_limit=MOST_GRAPHS):
            out: Tensor = compiled(*states, **told)
        return out

    return run
