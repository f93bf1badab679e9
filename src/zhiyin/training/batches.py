"""From examples to the tensors of one forward pass, padded in rows or packed in one row, and the plan of a training.

Axes: B rows, T tokens of a row, N supervised tokens of the batch, S sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor

from zhiyin.chat.encode import Encoded
from zhiyin.training.segments import Segment, lay


@dataclass(frozen=True)
class Batch:
    """Sequences as tensors. A supervised token is named by the place that predicts it, and by its sequence."""

    input_ids_BT: Tensor
    position_ids_BT: Tensor
    attention_mask_BT: Tensor | None
    """1 for a token, 0 for padding; None for a packed row, whose `segments` say which tokens see each other."""
    row_N: Tensor
    """Supervised tokens stand sequence by sequence."""
    column_N: Tensor
    """The place before the supervised token."""
    target_N: Tensor
    sequence_N: Tensor
    num_sequences: int
    weight_N: Tensor | None = None
    """Weight of each supervised token, float32; None where each counts 1."""
    segments: tuple[Segment, ...] | None = None
    reference_S: Tensor | None = None
    """Log-probability of each sequence under the reference model, float64."""

    @property
    def tokens(self) -> int:
        """Tokens laid, without padding."""
        mask = self.attention_mask_BT
        return self.input_ids_BT.numel() if mask is None else int(mask.sum())

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {name: v.to(device) for name, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)


def pad(sequences: Sequence[Encoded], pad_id: int) -> Batch:
    """Lay each sequence in a row of its own, padded on the right."""
    length = max(len(sequence.ids) for sequence in sequences)
    ids = torch.full((len(sequences), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(sequences), length), dtype=torch.long)
    places: list[tuple[int, int, int, int]] = []
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence.ids)] = torch.tensor(sequence.ids)
        mask[row, : len(sequence.ids)] = 1
        places += [(row, at, token, row) for at, token in _supervised(sequence)]
    positions = torch.arange(length).expand(len(sequences), length)
    return Batch(ids, positions, mask, *_columns(places), num_sequences=len(sequences), weight_N=_weights(sequences))


def pack(sequences: Sequence[Encoded], *, share: bool = True) -> Batch:
    """Lay the sequences in one row without padding, a beginning in common once; see `segments`."""
    row = lay(sequences, share=share)
    column_N = torch.tensor(row.places)
    return Batch(
        torch.tensor([row.ids]),
        torch.tensor([row.positions]),
        None,
        torch.zeros_like(column_N),
        column_N,
        torch.tensor(row.targets),
        torch.tensor(row.sequences),
        num_sequences=len(sequences),
        weight_N=_weights(sequences),
        segments=tuple(row.segments),
    )


def _columns(places: list[tuple[int, int, int, int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Turn (row, column, target, sequence) of each supervised token into four tensors [N]."""
    row_N, column_N, target_N, sequence_N = torch.tensor(places).unbind(1)
    return row_N, column_N, target_N, sequence_N


def _weights(sequences: Sequence[Encoded]) -> Tensor | None:
    """Return the weight [N] of each supervised token, or None where none has one."""
    if all(sequence.weights is None for sequence in sequences):
        return None
    return torch.tensor(
        [
            1.0 if sequence.weights is None else sequence.weights[at]
            for sequence in sequences
            for at in range(1, len(sequence.ids))
            if sequence.mask[at]
        ]
    )


def _supervised(sequence: Encoded) -> list[tuple[int, int]]:
    """Return (place that predicts it, token) of each supervised token."""
    return [(at - 1, sequence.ids[at]) for at in range(1, len(sequence.ids)) if sequence.mask[at]]


def plan_steps(
    sizes: Sequence[int], *, batch_size: int, batch_tokens: int | None = None, epochs: float, seed: int
) -> list[list[int]]:
    """Return the indices of the examples of every optimiser step; each epoch is a new seeded shuffle.

    `sizes` are the tokens of the examples. A step takes `batch_size` examples, or, with `batch_tokens`, as many as
    stay within that number of tokens (one at least).
    """
    generator = torch.Generator().manual_seed(seed)
    steps: list[list[int]] = []
    for _ in range(ceil(epochs)):
        order = torch.randperm(len(sizes), generator=generator).tolist()
        if batch_tokens is None:
            steps += [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        else:
            steps += _filled(order, sizes, batch_tokens)
    return steps[: max(1, round(len(steps) * epochs / ceil(epochs)))]


def _filled(order: Sequence[int], sizes: Sequence[int], tokens: int) -> list[list[int]]:
    """Cut the order into steps of at most `tokens` tokens, one example at least."""
    steps: list[list[int]] = []
    filled = 0
    for index in order:
        filled += sizes[index]
        if not steps or filled > tokens:
            steps.append([])
            filled = sizes[index]
        steps[-1].append(index)
    return steps
