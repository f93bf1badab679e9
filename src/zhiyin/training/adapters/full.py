"""Train every weight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zhiyin.artifacts import Checkpoint
from zhiyin.training.adapters import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Full(Method):
    """All weights are trained and saved as a whole checkpoint."""

    makes: ClassVar = Checkpoint

    def wrap(
        self, model: PreTrainedModel, control_ids: Sequence[int], *, steps: int, start: Path | None = None
    ) -> PreTrainedModel:
        """Return the model as it is, every weight trainable; its own weights are what it starts from."""
        if start is not None:
            raise ValueError(f"{start} is an adapter; full trains the model itself, so merge it into its base first")
        return model.requires_grad_(True)

    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the model in the Hugging Face form."""
        model.save_pretrained(out)
