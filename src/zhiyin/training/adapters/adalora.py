"""AdaLoRA (Zhang et al. 2023, arXiv 2303.10512): low-rank additions that share one budget of ranks, through PEFT.

An addition is B (E * A) * alpha / init_r: one singular value E for each row of A and column of B. Of all such triplets
of all matrices, the least important lose their singular value while the budget falls from `init_r` to `target_r` a
matrix, along the cubic of the paper's section 3.3. A matrix may end at rank 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import Field, model_validator

from zhiyin.artifacts import write_json
from zhiyin.training.adapters import LowRank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peft import PeftConfig
    from torch import Tensor
    from transformers import PreTrainedModel

RANKS = "ranks.json"
Share = Annotated[float, Field(gt=0, lt=1)]
_NAME = "default"

# Three stages of a Gemma-2-9B. The published steps, 500 and 2000 of the first, are kept as shares of the published
# lengths, so that a training of any length has the same course.
_PRESETS: dict[str, dict[str, Any]] = {
    "stage1": {"init_r": 64, "target_r": 32, "alpha": 32, "tinit": 500 / 50_000, "tfinal": 2000 / 50_000},
    "stage2": {"init_r": 48, "target_r": 24, "alpha": 24, "tinit": 400 / 40_000, "tfinal": 1500 / 40_000},
    "stage3": {"init_r": 32, "target_r": 16, "alpha": 16, "tinit": 300 / 30_000, "tfinal": 1000 / 30_000},
}
_EVERY_STAGE: dict[str, Any] = {
    "dropout": 0.05,
    "target_modules": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "deltaT": 10,
}


class Adalora(LowRank):
    """Weights stay frozen; low-rank additions compete for ranks, so that important matrices keep more of them."""

    preset: Literal["stage1", "stage2", "stage3"] | None = Field(default=None, exclude=True)
    """Settings of a published training in three stages; what is set beside it wins. The manifest has the values."""
    alpha: int = Field(default=16, ge=1)
    """The addition is scaled by alpha / init_r, also once ranks are gone."""
    init_r: int = Field(default=12, ge=2)
    """Rank of every addition at the start."""
    target_r: int = Field(default=8, ge=1)
    """Average rank at the end."""
    tinit: float = Field(default=0.1, ge=0)
    """Steps at the start that keep every rank; below 1 it is a share of all steps."""
    tfinal: float = Field(default=0.5, ge=0)
    """Steps at the end with the final ranks; below 1 it is a share of all steps."""
    deltaT: int = Field(default=1, ge=1)
    """Steps from one choice of ranks to the next."""
    betas: tuple[Share, Share] = (0.85, 0.85)
    """How slowly the averages of a weight's importance and of its uncertainty move: the paper's beta1 and beta2."""
    orth_reg_weight: float = Field(default=0.5, ge=0)
    """Weight of the penalty that keeps rows of A and columns of B orthonormal; held-out losses are without it."""

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        preset = given.get("preset") if isinstance(given, dict) else None
        return {**_EVERY_STAGE, **_PRESETS[preset], **given} if preset in _PRESETS else given

    @model_validator(mode="after")
    def _ranks_can_fall(self) -> Self:
        if self.target_r >= self.init_r:
            raise ValueError(
                f"target_r {self.target_r} must be below init_r {self.init_r}; otherwise no rank is ever taken away, "
                "and `lora` does that"
            )
        return self

    def phases(self, steps: int) -> tuple[int, int]:
        """Return `tinit` and `tfinal` in steps; raises `ValueError` when no step between them is left."""
        tinit, tfinal = (round(value * steps if value < 1 else value) for value in (self.tinit, self.tfinal))
        if tinit + tfinal >= steps:
            raise ValueError(
                f"adalora lowers the ranks between tinit and tfinal: of {steps} optimiser steps, tinit {tinit} and "
                f"tfinal {tfinal} leave none. Lower them (below 1 they are shares), or train for more steps"
            )
        return tinit, tfinal

    def peft_config(self, shared: dict[str, Any], steps: int) -> PeftConfig:
        """See `LowRank`; the length of the schedule is that of the training, and not a setting."""
        from peft import AdaLoraConfig

        tinit, tfinal = self.phases(steps)
        return AdaLoraConfig(
            **shared,
            init_r=self.init_r,
            target_r=self.target_r,
            tinit=tinit,
            tfinal=tfinal,
            total_step=steps,
            deltaT=self.deltaT,
            beta1=self.betas[0],
            beta2=self.betas[1],
            orth_reg_weight=self.orth_reg_weight,
        )

    def wrap(
        self, model: PreTrainedModel, control_ids: Sequence[int], *, steps: int, start: Path | None = None
    ) -> PreTrainedModel:
        """See `LowRank`. An adapter gone on from keeps its ranks, or gives up more of them if target_r is lower now."""
        from peft.tuners.adalora import RankAllocator

        wrapped = super().wrap(model, control_ids, steps=steps, start=start)
        if start is not None:
            tuner = _tuner(wrapped)
            # The budget starts at the ranks that are there now, and PEFT counts them when it makes the allocator.
            tuner.rankallocator = RankAllocator(tuner.model, tuner.peft_config[_NAME], _NAME)
            budget, wanted = tuner.rankallocator.init_bgt, tuner.rankallocator.target_bgt
            if budget < wanted:
                raise ValueError(
                    f"{start} has {budget} ranks left, and target_r {self.target_r} asks for {wanted}; "
                    "take a target_r that its ranks suffice for"
                )
        return wrapped

    def penalty(self, model: PreTrainedModel) -> Tensor | None:
        """Return the mean over all A and B of |A A' - I| and |B' B - I| (Frobenius; equation 4), times its weight."""
        import torch

        if not self.orth_reg_weight:
            return None
        distances = []
        for layer in _layers(model):
            for rows_RD in (layer.lora_A[_NAME], layer.lora_B[_NAME].T):
                gram_RR = rows_RD @ rows_RD.T
                distances.append((gram_RR - torch.eye(len(gram_RR), device=gram_RR.device)).norm())
        return self.orth_reg_weight * torch.stack(distances).mean()

    def after_step(self, model: PreTrainedModel, step: int) -> None:
        """Update the importance of every weight, and take away what the budget of this step does not cover."""
        tuner = _tuner(model)
        if tuner.rankallocator.init_bgt > tuner.rankallocator.target_bgt:
            tuner.update_and_allocate(step)

    def state(self, model: PreTrainedModel) -> dict[str, Tensor]:
        """Return the averages of importance and its uncertainty, and which ranks are kept.

        The importance of the last step itself is not needed: the next one replaces it. A, E and B are trained
        weights, which a checkpoint holds whole, with the ranks that could still come back.
        """
        import torch

        allocator = _tuner(model).rankallocator
        return {
            **{f"importance:{name}": tensor.contiguous() for name, tensor in allocator.exp_avg_ipt.items()},
            **{f"uncertainty:{name}": tensor.contiguous() for name, tensor in allocator.exp_avg_unc.items()},
            **{f"kept:{name}": torch.tensor(rows) for name, rows in (_pattern(model) or {}).items()},
        }

    def load_state(self, model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        """See `Method`."""
        import torch

        tuner, weights = _tuner(model), dict(_tuner(model).model.named_parameters())
        allocator = tuner.rankallocator
        allocator.reset_ipt()
        kept: dict[str, list[bool]] = {}
        for key, tensor in state.items():
            what, _, name = key.partition(":")
            if what == "kept":
                kept[name] = tensor.tolist()
            else:
                averages = allocator.exp_avg_ipt if what == "importance" else allocator.exp_avg_unc
                averages[name] = tensor.to(weights[name].device)
                # PEFT starts the averages anew for a weight that has no last importance.
                allocator.ipt[name] = torch.zeros_like(averages[name])
        tuner.peft_config[_NAME].rank_pattern = kept or None

    def save(self, model: PreTrainedModel, out: Path, base: str) -> None:
        """Write the kept ranks alone, in PEFT's form, and how many there are of each matrix in `ranks.json`."""
        from zhiyin.weights.adapter import write

        tensors = dict(model.state_dict())
        pattern = {}
        for name, rows in _kept(model):
            prefix = f"base_model.model.{name}"
            for part in ("lora_A", "lora_E"):
                tensors[f"{prefix}.{part}.{_NAME}"] = tensors[f"{prefix}.{part}.{_NAME}"][rows]
            tensors[f"{prefix}.lora_B.{_NAME}"] = tensors[f"{prefix}.lora_B.{_NAME}"][:, rows].contiguous()
            # PEFT reads the pattern against a matrix of init_r ranks; those that an adapter gone on from had already
            # lost are no longer in the matrix, so the ones that are left are counted from the front.
            pattern[f"{name}.lora_E"] = [index < sum(rows) for index in range(self.init_r)]
        before, _tuner(model).peft_config[_NAME].rank_pattern = _pattern(model), pattern
        write(model, out, base, tensors)
        _tuner(model).peft_config[_NAME].rank_pattern = before
        write_json(out / RANKS, self.summary(model)["ranks"])

    def summary(self, model: PreTrainedModel) -> dict[str, Any]:
        """Return the rank of every matrix, and the length of the first and the last phase in steps."""
        config = _tuner(model).peft_config[_NAME]
        ranks = {name: sum(rows) for name, rows in _kept(model)}
        return {"ranks": ranks, "tinit": config.tinit, "tfinal": config.tfinal}


def _tuner(model: PreTrainedModel) -> Any:
    """Return PEFT's AdaLoRA of a wrapped model."""
    return cast("Any", model).base_model


def _layers(model: PreTrainedModel) -> Iterator[Any]:
    """Yield the layers that have an addition."""
    for module in model.modules():
        if hasattr(module, "lora_E"):
            yield module


def _pattern(model: PreTrainedModel) -> dict[str, list[bool]] | None:
    """Return which ranks the last choice kept, by the name of the singular values; None before the first choice."""
    pattern: dict[str, list[bool]] | None = _tuner(model).peft_config[_NAME].rank_pattern
    return pattern


def _kept(model: PreTrainedModel) -> Iterator[tuple[str, list[bool]]]:
    """Yield each layer with an addition by its name in the base model, and which of its present ranks are kept."""
    pattern = _pattern(model) or {}
    for name, module in _tuner(model).model.named_modules():
        if hasattr(module, "lora_E"):
            yield name, pattern.get(f"{name}.lora_E.{_NAME}", [True] * len(module.lora_E[_NAME]))
