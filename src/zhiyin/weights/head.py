"""Logits of chosen places only: a vocabulary of 256,000 makes those of every place the largest tensor there is.

Axes: B rows, T positions, N asked places, P distinct ones, H hidden size, V vocabulary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn


def logits_at(model: nn.Module, row_N: Tensor, column_N: Tensor, **inputs: Any) -> tuple[Tensor, Tensor]:
    """Run the model and return the logits [P, V] of the distinct places, in row-major order, and the place [N] of each.

    `inputs` are those of the model's forward, `input_ids` [B, T] among them. The wrapped model is called as it is, so
    the hooks of DDP, FSDP and PEFT run.
    """
    keep_BT = torch.zeros_like(inputs["input_ids"], dtype=torch.bool)
    keep_BT[row_N, column_N] = True
    place_BT = keep_BT.flatten().cumsum(0).view_as(keep_BT) - 1
    with _only(model, keep_BT):
        logits_PV: Tensor = model(**inputs, use_cache=False).logits
    return logits_PV, place_BT[row_N, column_N]


@contextmanager
def _only(model: nn.Module, keep_BT: Tensor) -> Iterator[None]:
    """Hand the output layer only the hidden states [P, H] of the kept places, in any architecture."""
    head = output_layer(model)
    handle = head.register_forward_pre_hook(lambda layer, arguments: (arguments[0][keep_BT],))
    try:
        yield
    finally:
        handle.remove()


def output_layer(model: nn.Module) -> nn.Module:
    """Return the layer that projects onto the vocabulary, under whatever wraps the model."""
    inner: Any = model.module if hasattr(model, "module") else model
    return cast("nn.Module", inner.get_output_embeddings())
