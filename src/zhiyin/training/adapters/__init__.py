"""The family of ways to train weights: all of them, or a small addition to frozen ones.

Example, `adapters/full.py`:

    class Full(Method):
        makes: ClassVar = Checkpoint

        def wrap(self, model, control_ids, *, steps, start=None):
            return model

        def save(self, model, out, base):
            model.save_pretrained(out)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import SerializeAsAny

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.catalog import Plugin, choice

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


class Method(Plugin, ABC):
    """Which weights are trained, and how the result is saved."""

    makes: ClassVar[type[Checkpoint] | type[Adapter]]
    """The kind of artifact that training with it leaves."""

    @property
    def random(self) -> bool:
        """Whether training draws random numbers (dropout): sequences can then not share a computed beginning."""
        return False

    def load_options(self) -> dict[str, Any]:
        """Return further arguments of `from_pretrained` for the weights trained on, such as their quantisation."""
        return {}

    @abstractmethod
    def wrap(
        self, model: PreTrainedModel, control_ids: Sequence[int], *, steps: int, start: Path | None = None
    ) -> PreTrainedModel:
        """Return the model with exactly the trained weights requiring gradients; the global seed is set before.

        `control_ids` are the control tokens of the chat template, `steps` the optimiser steps of the whole training.
        `start` is the folder of an adapter to go on from, with a fresh optimiser and schedule; one that does not fit
        raises `ValueError`.
        """

    def penalty(self, model: PreTrainedModel) -> Tensor | None:
        """Return what is added to the training loss once a step, and never to a held-out loss; None for nothing."""
        return None

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        """Act after optimiser step `step`, counted from 1, while its gradients are still there."""
        return

    def state(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Return what an exact resume needs beyond trained weights, optimiser, schedule and random generators."""
        return {}

    def load_state(self, model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        """Take back what `state` returned."""
        return

    @abstractmethod
    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the trained weights; `base` is the folder name of the checkpoint trained on."""

    def summary(self, model: PreTrainedModel) -> dict[str, Any]:
        """Return what the manifest should say of the trained weights beyond their number."""
        return {}


AnyMethod = Annotated[SerializeAsAny[Method], choice(Method)]
