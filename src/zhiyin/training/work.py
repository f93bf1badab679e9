"""What a training works on: examples with their objective, and the optimiser steps they are cut into."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zhiyin.training.batches import Batch
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.objectives import Objective


@dataclass(frozen=True)
class StepBatch:
    """The part of one optimiser step that this process computes."""

    micro: list[Batch]
    units: float
    """Units of the whole step, over all processes: the divisor of its loss."""
    examples: int
    """Examples of the whole step, over all processes: the divisor of its metrics."""
    tokens: int
    """Tokens of the whole step, over all processes: the divisor of the loss's second term."""
    ids: tuple[str, ...]
    """Record ids of this process's share, for messages."""
    counted: bool = True
    """False for a process without an example in this step: it computes one all the same, for nothing."""


@dataclass(frozen=True)
class Work:
    """What is trained on: examples, the objective, and how the tensors of a step are laid out."""

    objective: Objective
    examples: Sequence[Example]
    reference: dict[str, Tensor]
    """Example id to the reference log-probabilities of its sequences; empty without a reference model."""
    layout: Layout

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        """Lay examples out as micro-batches."""
        return [self._with_reference(batch, group) for batch, group in self.layout.batches(examples)]

    def _with_reference(self, batch: Batch, group: Sequence[Example]) -> Batch:
        if not self.reference:
            return batch
        return replace(batch, reference_S=torch.cat([self.reference[example.id] for example in group]))


class StepDataset(Dataset[StepBatch]):
    """Optimiser step number to the share of it that one process computes."""

    def __init__(self, work: Work, steps: Sequence[Sequence[int]], rank: int, processes: int) -> None:
        self.work, self.steps, self.rank, self.processes = work, steps, rank, processes

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> StepBatch:
        chosen = [self.work.examples[index] for index in self.steps[step]]
        units = sum(self.work.objective.units(example) for example in chosen)
        mine = chosen[self.rank :: self.processes]
        return StepBatch(
            self.work.batches(mine or chosen[:1]),
            units,
            len(chosen),
            tokens=sum(self.work.objective.tokens(example) for example in chosen),
            ids=tuple(example.id for example in mine),
            counted=bool(mine),
        )
