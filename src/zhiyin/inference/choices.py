"""Log-probabilities of given continuations, exact: a float32 log-softmax over the whole vocabulary.

Axes: B rows, T positions, N positions that predict a scored token, K scored tokens, V vocabulary, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zhiyin.inference.batches import cut_by_length
from zhiyin.inference.encoding import Continuation
from zhiyin.weights.budget import Budget, Part, in_parts
from zhiyin.weights.head import logits_at, output_layer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOGITS = 2**27
"""Logits held at once, about (half a GiB in float32): many positions of a large vocabulary do not fit in memory."""
_HEAD_ROWS = 2**14


def log_probabilities(
    model: PreTrainedModel,
    asked: Sequence[Continuation],
    *,
    micro_batch_tokens: int | Budget,
    advance: Callable[[int], None] = lambda finished: None,
) -> list[float]:
    """Return ln p(tokens | context) of each, summed over its tokens in float64.

    What the model would read twice, it reads once: choices of one token each after one context cost one row.
    Rows are padded on the right, where a causal model never looks, so padding cannot matter and no mask is needed.
    `advance` is told how many have been finished since it was last called.
    """
    rows: dict[tuple[int, ...], list[int]] = {}
    for index, one in enumerate(asked):
        if not one.context or not one.tokens:
            raise ValueError(f"continuation {index} has an empty context or no tokens: {one}")
        rows.setdefault(one.inputs, []).append(index)
    inputs = list(rows)
    wanted = [max(len(asked[index].tokens) for index in rows[row]) for row in inputs]
    heaviest = max(1, LOGITS // model.config.get_text_config().vocab_size)
    scores = [0.0] * len(asked)

    def compute(part: Part[int]) -> dict[int, float]:
        served = [(row, index) for row, place in enumerate(part.items) for index in rows[inputs[place]]]
        found = _score(model, [inputs[place] for place in part.items], [(row, asked[index]) for row, index in served])
        return {index: score for (_, index), score in zip(served, found, strict=True)}

    cut = cut_by_length([len(row) for row in inputs], wanted, heaviest)
    budget = Budget.of(micro_batch_tokens)
    for _, found in in_parts(range(len(inputs)), cut, compute, budget, "log-probabilities of choices"):
        for index, score in found.items():
            scores[index] = score
        advance(len(found))
    return scores


@torch.inference_mode()
def _score(
    model: PreTrainedModel, rows: Sequence[tuple[int, ...]], asked: Sequence[tuple[int, Continuation]]
) -> list[float]:
    """Score one batch; each continuation comes with the row that holds it."""
    width = max(map(len, rows))
    input_ids_BT = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=model.device)
    # Of token k of a continuation: its row, the position just before it (which predicts it), its id, whose it is.
    scored_K4 = torch.tensor(
        [
            (row, len(one.context) - 1 + offset, token, owner)
            for owner, (row, one) in enumerate(asked)
            for offset, token in enumerate(one.tokens)
        ],
        device=model.device,
    )
    row_K, position_K, token_K, owner_K = scored_K4.unbind(1)
    with _head_in_float32(model):
        logits_NV, place_K = logits_at(model, row_K, position_K, input_ids=input_ids_BT)
    normaliser_N = torch.cat([part.float().logsumexp(-1) for part in logits_NV.split(256)])
    values_K = logits_NV[place_K, token_K].float() - normaliser_N[place_K]
    sums = torch.zeros(len(asked), dtype=torch.float64, device="cpu").index_add(
        0, owner_K.cpu(), values_K.double().cpu()
    )
    return [float(value) for value in sums]


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
