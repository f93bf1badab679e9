"""Log-probabilities of tokens at chosen places of a batch, in float32 whatever the model computes in.

Axes: B rows, T positions, K scored tokens, N distinct positions that predict them, V vocabulary, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zhiyin.weights.head import logits_at, output_layer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_HEAD_ROWS = 2**14


def token_scores(model: PreTrainedModel, row_K: Tensor, position_K: Tensor, token_K: Tensor, **inputs: Any) -> Tensor:
    """Return the log-probability [K], on the CPU, of each token right after a position of a row.

    `inputs` are those of the model's forward, `input_ids` [B, T] among them.
    """
    with _head_in_float32(model):
        logits_NV, place_K = logits_at(model, row_K, position_K, **inputs)
    normaliser_N = torch.cat([part.float().logsumexp(-1) for part in logits_NV.split(256)])
    return (logits_NV[place_K, token_K].float() - normaliser_N[place_K]).cpu()


@contextmanager
def _head_in_float32(model: PreTrainedModel) -> Iterator[None]:
    """Let a half-precision model project onto the vocabulary in float32 inside the block.

    bfloat16 keeps 8 bits: logits near 20 would be rounded to eighths, and 2-4 % of exam questions would be tied.
    A head that is not a plain linear layer (an adapter on it) keeps its own precision.
    """
    head = output_layer(model)
    if type(head) is not nn.Linear or head.weight.dtype == torch.float32:
        yield
        return

    def project(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        hidden_NH = arguments[0].float()
        parts = [nn.functional.linear(hidden_NH, rows.float()) for rows in head.weight.split(_HEAD_ROWS)]
        logits_NV = torch.cat(parts, dim=-1)
        return logits_NV if head.bias is None else logits_NV + head.bias.float()

    handle = head.register_forward_hook(project)
    try:
        yield
    finally:
        handle.remove()
