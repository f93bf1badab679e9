"""Logits or hidden states of chosen places: with a vocabulary of 256,000, all logits are the largest tensor there is.

Axes: B rows, T positions, N asked places, P distinct ones, H hidden size, V vocabulary.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn


def logits_at(model: nn.Module, row_N: Tensor, column_N: Tensor, **inputs: Any) -> tuple[Tensor, Tensor]:
    """Run the model and return the logits [P, V] of the distinct places, in row-major order, and the place [N] of each.

    `inputs` are those of the model's forward, `input_ids` [B, T] among them. The wrapped model is called as it is, so
    the hooks of DDP, FSDP and PEFT run.
    """
    keep_BT, place_N = _places(inputs["input_ids"], row_N, column_N)
    with _before_head(model, lambda hidden_BTH: hidden_BTH[keep_BT]):
        logits_PV: Tensor = model(**inputs, use_cache=False).logits
    return logits_PV, place_N


def hidden_at(model: nn.Module, row_N: Tensor, column_N: Tensor, **inputs: Any) -> tuple[Tensor, Tensor]:
    """Run the model up to its output layer; return the hidden states [P, H] of the distinct places, and the place [N].

    Everything else is as in `logits_at`; the output layer runs on no place at all.
    """
    keep_BT, place_N = _places(inputs["input_ids"], row_N, column_N)
    caught: list[Tensor] = []

    def catch(hidden_BTH: Tensor) -> Tensor:
        caught.append(hidden_BTH[keep_BT])
        return caught[0][:0]

    with _before_head(model, catch):
        model(**inputs, use_cache=False)
    return caught[0], place_N


def softcap(model: nn.Module) -> float | None:
    """Return the soft-cap on the model's logits (Gemma-2), or None."""
    inner: Any = model.module if hasattr(model, "module") else model
    cap: float | None = getattr(inner.config, "final_logit_softcapping", None)
    return cap


def _places(input_ids_BT: Tensor, row_N: Tensor, column_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return which places [B, T] are asked for, and the number [N] of each among them, in row-major order."""
    keep_BT = torch.zeros_like(input_ids_BT, dtype=torch.bool)
    keep_BT[row_N, column_N] = True
    place_BT = keep_BT.flatten().cumsum(0).view_as(keep_BT) - 1
    return keep_BT, place_BT[row_N, column_N]


@contextmanager
def _before_head(model: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Hand the output layer other hidden states than it is called with, in any architecture."""
    head = output_layer(model)
    handle = head.register_forward_pre_hook(lambda layer, arguments: (change(arguments[0]),))
    try:
        yield
    finally:
        handle.remove()


def output_layer(model: nn.Module) -> nn.Module:
    """Return the layer that projects onto the vocabulary, under whatever wraps the model."""
    inner: Any = model.module if hasattr(model, "module") else model
    return cast("nn.Module", inner.get_output_embeddings())
