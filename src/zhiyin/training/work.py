"""What a training works on: examples with their objective, and the optimiser steps they are cut into."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zhiyin.training.batches import Batch
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.objectives import Objective
from zhiyin.training.parallel import share
from zhiyin.training.segments import laid_tokens
from zhiyin.weights.budget import Budget, Part


@dataclass(frozen=True)
class StepBatch:
    """The part of one optimiser step that this process computes."""

    micro: list[Batch]
    """Its own micro-batches; none where there are more processes than examples."""
    filler: Batch
    """What it computes for nothing while others, who have more micro-batches, need it to take part."""
    units: float
    """Units of the whole step, over all processes: the divisor of its loss."""
    examples: int
    """Examples of the whole step, over all processes: the divisor of its metrics."""
    tokens: int
    """Tokens of the whole step, over all processes: the divisor of the loss's second term."""
    ids: tuple[str, ...]
    """Record ids of this process's share, for messages."""
    held: list[list[Example]]
    """The examples of each micro-batch."""


@dataclass(frozen=True)
class Work:
    """What is trained on: examples, the objective, and how the tensors of a step are laid out."""

    objective: Objective
    examples: Sequence[Example]
    reference: dict[str, Tensor]
    """Example id to the reference log-probabilities of its sequences; empty without a reference model."""
    layout: Layout
    budget: Budget = field(default_factory=lambda: Budget(sys.maxsize))
    """Fewer tokens than the layout's, once memory did not suffice for these."""

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        """Lay examples out as micro-batches."""
        return [part.laid for part in self.parts(examples)]

    def parts(self, examples: Sequence[Example]) -> list[Part[Example]]:
        """Lay examples out as micro-batches, each with its examples."""
        layout = replace(self.layout, tokens=min(self.layout.tokens, self.budget.tokens))
        return [
            Part(group, batch.input_ids_BT.numel(), self._with_reference(batch, group))
            for batch, group in layout.batches(examples)
        ]

    def recut(self, step: StepBatch) -> StepBatch:
        """Return the step in micro-batches of the present budget; it may have been laid out before that was lowered."""
        sizes = [batch.input_ids_BT.numel() for batch, group in zip(step.micro, step.held, strict=True) if group[1:]]
        if max(sizes, default=0) <= self.budget.tokens:
            return step
        parts = self.parts([example for group in step.held for example in group])
        return replace(step, micro=[part.laid for part in parts], held=[part.items for part in parts])

    def _with_reference(self, batch: Batch, group: Sequence[Example]) -> Batch:
        if not self.reference:
            return batch
        return replace(batch, reference_S=torch.cat([self.reference[example.id] for example in group]))


class StepDataset(Dataset[StepBatch]):
    """Optimiser step number to the share of it that one process computes: about as many tokens as every other."""

    def __init__(self, work: Work, steps: Sequence[Sequence[int]], rank: int, processes: int) -> None:
        self.work, self.steps, self.rank, self.processes = work, steps, rank, processes

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> StepBatch:
        chosen = [self.work.examples[index] for index in self.steps[step]]
        units = sum(self.work.objective.units(example) for example in chosen)
        mine, least = self._dealt(chosen) if self.processes > 1 else (chosen, None)
        parts = self.work.parts(mine)
        return StepBatch(
            [part.laid for part in parts],
            self.work.batches([least])[0] if least else parts[0].laid,
            units,
            len(chosen),
            tokens=sum(self.work.objective.tokens(example) for example in chosen),
            ids=tuple(example.id for example in mine),
            held=[part.items for part in parts],
        )

    def _dealt(self, chosen: Sequence[Example]) -> tuple[list[Example], Example]:
        """Return the examples that this process computes, and the shortest of all."""
        sizes = [laid_tokens(example.sequences, share=self.work.layout.share) for example in chosen]
        mine = [chosen[index] for index in share(sizes, self.processes)[self.rank]]
        return mine, chosen[sizes.index(min(sizes))]
