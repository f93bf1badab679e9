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
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, SerializeAsAny, model_validator

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.catalog import Plugin, choice

if TYPE_CHECKING:
    from peft import PeftConfig
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

    def load_options(self, dtype: str) -> dict[str, Any]:
        """Return further arguments of `from_pretrained` for the weights trained on, such as their quantisation.

        `dtype` is the torch dtype of the matrix products, by name.
        """
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


class LowRank(Method, ABC):
    """Weights stay frozen; each chosen linear layer learns an addition of low rank, through PEFT."""

    makes: ClassVar = Adapter
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

    @abstractmethod
    def peft_config(self, shared: dict[str, Any], steps: int) -> PeftConfig:
        """Return PEFT's config; `shared` are the arguments that every such method has."""

    def wrap(
        self, model: PreTrainedModel, control_ids: Sequence[int], *, steps: int, start: Path | None = None
    ) -> PreTrainedModel:
        """Return a PEFT model; without `start` the addition is zero, so it computes what `model` computes."""
        from zhiyin.weights.adapter import attach

        targets = self.target_modules if isinstance(self.target_modules, str) else list(self.target_modules)
        shared = {
            "lora_alpha": self.alpha,
            "lora_dropout": self.dropout,
            "target_modules": targets,
            "bias": "none",
            "task_type": "CAUSAL_LM",
            "trainable_token_indices": list(control_ids) if self.control_tokens else None,
        }
        return attach(model, self.peft_config(shared, steps), start)

    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the adapter in PEFT's form."""
        from zhiyin.weights.adapter import write

        write(model, out, base)


class LowRankProduct(LowRank):
    """The addition is a product of two thin matrices, B A, scaled by alpha / rank; B is zero at the start."""

    rank: int = Field(default=8, ge=1)
    """Rank of the addition."""
    use_rslora: bool = False
    """Scale by alpha / sqrt(rank), so that a high rank learns as fast (Kalajdzievski 2023, arXiv 2312.03732)."""
    use_dora: bool = False
    """Also learn the length of each output's weights, apart from its direction (Liu 2024, arXiv 2402.09353)."""
    modules_to_save: tuple[str, ...] = ()
    """Names of modules that are trained whole and saved with the adapter, such as [embed_tokens]."""

    @model_validator(mode="after")
    def _one_way_to_learn_embeddings(self) -> Self:
        if self.control_tokens and {"embed_tokens", "lm_head"} & set(self.modules_to_save):
            raise ValueError("control_tokens learns some embeddings and modules_to_save all of them; choose one")
        return self

    def peft_config(self, shared: dict[str, Any], steps: int) -> PeftConfig:
        """See `LowRank`."""
        from peft import LoraConfig

        return LoraConfig(
            **shared,
            r=self.rank,
            use_rslora=self.use_rslora,
            use_dora=self.use_dora,
            modules_to_save=list(self.modules_to_save) or None,
        )


AnyMethod = Annotated[SerializeAsAny[Method], choice(Method)]
