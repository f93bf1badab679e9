"""Log-probabilities of targets from hidden states, without ever holding the logits of all places.

Axes: P places, N targets (several may stand at one place), H hidden size, V vocabulary.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

BLOCK_BYTES = {"cpu": 2 << 20, "cuda": 256 << 20}
"""Size of the float32 logits of a block of the vocabulary; on a CPU they then stay in its cache."""
CHUNK_BYTES = {"cpu": 32 << 20, "cuda": 256 << 20}
"""Size of the float32 logits of a chunk of places, for each of which a trained head is read once."""
PLACES = 1024
"""Places projected together, so that a part of the head is read once for that many."""
SAFE_EXPONENT = 60.0
"""Logits capped below this need no maximum taken off before exp."""


def target_logprobs(
    hidden_PH: Tensor, head: nn.Module, softcap: float | None, target_N: Tensor, place_N: Tensor
) -> Tensor:
    """Return the float32 log-probability [N] of each target at its place; `softcap` is the one on the logits.

    Under a frozen head the gradient needs the hidden states alone, and is made in the same pass over the vocabulary:
    two matrix products instead of three, and no logits kept. A head that is trained, or is more than a linear layer,
    is run chunk by chunk and, when there is more than one, run again in the backward pass.
    """
    if type(head) is nn.Linear and head.bias is None and not head.weight.requires_grad:
        values: Tensor = _Streamed.apply(hidden_PH, head.weight, softcap, target_N, place_N)
        return values
    rows = max(1, _bytes(CHUNK_BYTES, hidden_PH) // (4 * _vocabulary(head)))
    if len(hidden_PH) <= rows:
        return _plain(hidden_PH, head, softcap, target_N, place_N)
    parts = []
    order = torch.argsort(place_N, stable=True)
    for start in range(0, len(hidden_PH), rows):
        mine = order[(place_N[order] >= start) & (place_N[order] < start + rows)]
        chunk = (hidden_PH[start : start + rows], head, softcap, target_N[mine], place_N[mine] - start)
        part: Tensor = checkpoint(_plain, *chunk, use_reentrant=False) if torch.is_grad_enabled() else _plain(*chunk)
        parts.append(part)
    return torch.cat(parts)[torch.argsort(order)]


def _plain(hidden_PH: Tensor, head: nn.Module, softcap: float | None, target_N: Tensor, place_N: Tensor) -> Tensor:
    logits_PV: Tensor = head(hidden_PH).float()
    if softcap:
        logits_PV = torch.tanh(logits_PV / softcap) * softcap
    # Places are distinct and in order unless sequences share a beginning: then, and only then, rows are copied.
    ordered = len(logits_PV) == len(place_N) and bool((place_N.diff() == 1).all())
    return -nn.functional.cross_entropy(logits_PV if ordered else logits_PV[place_N], target_N, reduction="none")


def _vocabulary(head: nn.Module) -> int:
    """Return V, also of a head wrapped by PEFT, whose `weight` is a copy of the whole matrix."""
    inner: Any = getattr(head, "token_adapter", head)
    return int(getattr(inner, "base_layer", inner).weight.shape[0])


def _bytes(sizes: dict[str, int], tensor: Tensor) -> int:
    return sizes.get(tensor.device.type, sizes["cpu"])


class _Streamed(torch.autograd.Function):
    """For a place, d log p(y) / d hidden = slope_y W_y - mean, with the mean of the head's rows under p in `mean_PH`.

    slope_y is the derivative of the soft-cap at y's logit, 1 without one; inside the mean each row has its own.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_PH: Tensor, weight_VH: Tensor, softcap: float | None, target_N: Tensor, place_N: Tensor
    ) -> Tensor:
        needed = ctx.needs_input_grad[0]
        lse_P = torch.empty(len(hidden_PH), dtype=torch.float32, device=hidden_PH.device)
        mean_PH = torch.empty_like(hidden_PH, dtype=torch.float32) if needed else None
        for start in range(0, len(hidden_PH), PLACES):
            rows = slice(start, start + PLACES)
            lse_P[rows], mean = _pass(hidden_PH[rows], weight_VH, softcap, needed)
            if mean_PH is not None and mean is not None:
                mean_PH[rows] = mean
        logit_N = (hidden_PH[place_N] * weight_VH[target_N]).sum(-1, dtype=torch.float32)
        slope_N = None
        if softcap:
            logit_N.div_(softcap).tanh_()
            slope_N = 1 - logit_N.square()
            logit_N.mul_(softcap)
        if mean_PH is not None:
            ctx.save_for_backward(mean_PH.to(hidden_PH.dtype), weight_VH, target_N, place_N, slope_N)
        return logit_N - lse_P[place_N]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        mean_PH, weight_VH, target_N, place_N, slope_N = ctx.saved_tensors
        (grad_N,) = grads
        total_P = torch.zeros(len(mean_PH), dtype=torch.float32, device=grad_N.device).index_add_(0, place_N, grad_N)
        grad_PH = mean_PH * -total_P[:, None].to(mean_PH.dtype)
        pull_N = (grad_N if slope_N is None else grad_N * slope_N).to(mean_PH.dtype)
        grad_PH.index_add_(0, place_N, weight_VH[target_N] * pull_N[:, None])
        return grad_PH, None, None, None, None


def _pass(
    hidden_PH: Tensor, weight_VH: Tensor, softcap: float | None, mean_needed: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the float32 log-sum-exp [P] of the logits and, where needed, the mean [P, H]; one pass over the head."""
    top: Tensor | float = 0.0 if softcap and softcap <= SAFE_EXPONENT else float("-inf")
    total: Tensor | float = 0.0
    mean_PH: Tensor | None = None
    for block in _blocks(weight_VH, len(hidden_PH)):
        logits = torch.mm(hidden_PH, block.t()).float()
        slope = None
        if softcap:
            logits.div_(softcap).tanh_()
            slope = logits.square().neg_().add_(1) if mean_needed else None
            logits.mul_(softcap)
        if not (softcap and softcap <= SAFE_EXPONENT):
            higher = torch.maximum(logits.amax(-1, keepdim=True), torch.as_tensor(top, device=logits.device))
            fade = torch.exp(top - higher)
            total, top = total * fade, higher
            mean_PH = None if mean_PH is None else mean_PH.mul_(fade)
            logits.sub_(higher)
        total = logits.exp_().sum(-1, keepdim=True) + total
        if mean_needed:
            if slope is not None:
                logits.mul_(slope)
            if mean_PH is None:
                mean_PH = torch.mm(logits.to(block.dtype), block).float()
            elif block.dtype == torch.float32:
                mean_PH.addmm_(logits, block)
            else:
                mean_PH.add_(torch.mm(logits.to(block.dtype), block))
    sums = torch.as_tensor(total)
    return (sums.log() + top).squeeze(-1), None if mean_PH is None else mean_PH.div_(sums)


def _blocks(weight_VH: Tensor, places: int) -> Iterator[Tensor]:
    """Cut the head into blocks of rows whose logits fit the size held at once."""
    rows = max(1, _bytes(BLOCK_BYTES, weight_VH) // (4 * places))
    return iter(weight_VH.split(rows))
