"""The family of ways to train weights: all of them, or a small addition to frozen ones.

Example, `adapters/full.py`:

    class Full(Method):
        makes: ClassVar = Checkpoint

        def wrap(self, model, control_ids):
            return model

        def save(self, model, out, base):
            model.save_pretrained(out)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import SerializeAsAny

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.catalog import Plugin, choice

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Method(Plugin, ABC):
    """Which weights are trained, and how the result is saved."""

    makes: ClassVar[type[Checkpoint] | type[Adapter]]
    """The kind of artifact that training with it leaves."""

    @abstractmethod
    def wrap(self, model: PreTrainedModel, control_ids: Sequence[int]) -> PreTrainedModel:
        """Return the model with exactly the trained weights requiring gradients; the global seed is set before.

        `control_ids` are the control tokens of the chat template.
        """

    @abstractmethod
    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the trained weights; `base` is the folder name of the checkpoint trained on."""


AnyMethod = Annotated[SerializeAsAny[Method], choice(Method)]
