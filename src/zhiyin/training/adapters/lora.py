"""Low-rank adaptation of the linear layers (Hu et al. 2021, arXiv 2106.09685), through PEFT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from zhiyin.artifacts import Adapter, write_json
from zhiyin.training.adapters import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Lora(Method):
    """Weights stay frozen; each chosen linear layer learns a low-rank addition, zero at the start."""

    makes: ClassVar = Adapter
    rank: int = Field(default=8, ge=1)
    """Rank of the addition."""
    alpha: int = Field(default=16, ge=1)
    """The addition is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""
    target_modules: str | tuple[str, ...] = "all-linear"
    """Names of the layers, such as [q_proj, v_proj]; `all-linear` is every one but the output layer."""

    control_tokens: bool = False
    """Also learn the embeddings of the template's control tokens: a base model has never seen them, and one that
    cannot tell `<end_of_turn>` from noise does not learn to stop."""

    @property
    def random(self) -> bool:
        """With dropout it is."""
        return self.dropout > 0

    def wrap(
        self, model: PreTrainedModel, control_ids: Sequence[int], *, steps: int, start: Path | None = None
    ) -> PreTrainedModel:
        """Return a PEFT model; its LoRA B matrices are zero, so it computes what `model` computes."""
        from peft import LoraConfig, get_peft_model

        targets = self.target_modules if isinstance(self.target_modules, str) else list(self.target_modules)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets,
            bias="none",
            task_type="CAUSAL_LM",
            trainable_token_indices=list(control_ids) if self.control_tokens else None,
        )
        return cast("PreTrainedModel", get_peft_model(model, config))

    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the adapter in PEFT's form. The base is named by its folder, not by a path of this machine.

        `save_embedding_layers=False`: LoRA never touches them, and PEFT would ask a hub about the base otherwise.
        """
        for config in model.peft_config.values():
            config.base_model_name_or_path = base
        model.save_pretrained(out, save_embedding_layers=False)
        (out / "README.md").unlink(missing_ok=True)
        _sort_names(out / "adapter_config.json")


def _sort_names(file: Path) -> None:
    """Sort the lists of names in PEFT's config: it keeps sets, and each process writes a set in an order of its own."""
    config = json.loads(file.read_text(encoding="utf-8"))
    for name in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(name), list):
            config[name].sort()
    write_json(file, config)
