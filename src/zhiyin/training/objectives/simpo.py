"""Simple Preference Optimization (Meng et al. 2024, arXiv 2405.14734): no reference model, mean log-probabilities."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from zhiyin.training.examples import Example
from zhiyin.training.objectives import PairObjective, check_smoothing, chosen_tokens, counts, margin_loss, pair_loss

if TYPE_CHECKING:
    from torch import Tensor

    from zhiyin.training.logprobs import LossSum, TokenLogProbs

HIGH_RATE = 1e-5
"""The authors' example of a rate that leaves incoherent or repetitive answers (README of their code)."""


class Preset(NamedTuple):
    """The settings of one released model."""

    beta: float
    gamma_beta_ratio: float
    learning_rate: float


PRESETS = {
    "gemma2-instruct": Preset(10.0, 0.5, 8e-7),
    "llama3-instruct-v0.2": Preset(10.0, 0.3, 1e-6),
    "llama3-instruct": Preset(2.5, 0.55, 1e-6),
    "llama3-base": Preset(2.0, 0.5, 6e-7),
    "mistral-instruct": Preset(2.5, 0.1, 5e-7),
    "mistral-base": Preset(2.0, 0.8, 3e-7),
}
"""The authors' table; every one trained all weights for one epoch in batches of 128 pairs."""


class Simpo(PairObjective):
    """Raise the mean log-probability of the chosen answer over that of the rejected one, by a margin."""

    preset: (
        Literal[
            "gemma2-instruct",
            "llama3-instruct-v0.2",
            "llama3-instruct",
            "llama3-base",
            "mistral-instruct",
            "mistral-base",
        ]
        | None
    ) = None
    """The authors' beta and gamma_beta_ratio for a model family. What is written beside it wins."""
    beta: float = Field(default=2.0, gt=0)
    """The reward is beta times the mean log-probability of an answer's tokens, end tokens included."""
    gamma_beta_ratio: float = Field(default=0.25, ge=0)
    """The margin to reach, in mean log-probability: gamma divided by beta."""
    gamma: float | None = Field(default=None, ge=0)
    """The margin to reach in rewards, as LLaMA-Factory and TRL write it; filled in from gamma_beta_ratio."""
    loss_type: Literal["sigmoid", "hinge"] = "sigmoid"
    """`sigmoid` is the paper's; `hinge` is max(0, 1 - m), m the reward margin minus gamma."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Probability that a pair is labelled the wrong way round."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Weight of the cross-entropy of the chosen answers, averaged over their tokens, that is added to the loss."""

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        """Fill in the preset's values and the other form of the margin, so that the manifest shows what was used."""
        check_smoothing(self.loss_type, self.label_smoothing)
        given, preset = self.model_fields_set, PRESETS.get(self.preset or "")
        beta = preset.beta if preset and "beta" not in given else self.beta
        ratio = preset.gamma_beta_ratio if preset and "gamma_beta_ratio" not in given else self.gamma_beta_ratio
        gamma = ratio * beta if self.gamma is None else self.gamma
        if "gamma_beta_ratio" not in given and self.gamma is not None:
            ratio = gamma / beta
        if not isclose(gamma, ratio * beta):
            raise ValueError(
                f"gamma {gamma:g} and gamma_beta_ratio {ratio:g} contradict each other: gamma is gamma_beta_ratio "
                f"times beta, here {ratio * beta:g}; give one of them"
            )
        # The model is frozen for its users; this is still its making.
        self.__dict__.update(beta=beta, gamma_beta_ratio=ratio, gamma=gamma)
        return self

    def tokens(self, example: Example) -> int:
        """Tokens of the chosen answer, where it is also learnt by cross-entropy."""
        return chosen_tokens(example) if self.sft_weight else 0

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the loss summed over pairs; `logps/*` are means over an answer's tokens, `rewards/*` times beta."""
        sums_S = logprobs.sums()
        means_S = sums_S / counts(logprobs)
        losses_P = simpo_loss(
            means_S[0::2],
            means_S[1::2],
            beta=self.beta,
            gamma_beta_ratio=self.gamma_beta_ratio,
            loss_type=self.loss_type,
            label_smoothing=self.label_smoothing,
        )
        return pair_loss(losses_P, self.beta * means_S, means_S, -sums_S[0::2].sum(), self.sft_weight)

    def told(self) -> str:
        """Name both forms of the margin, and the learning rate that goes with the preset."""
        pair = f"SimPO with beta {self.beta:g}, gamma_beta_ratio {self.gamma_beta_ratio:g}, so gamma {self.gamma:g}"
        if self.preset is None:
            return pair
        return f"{pair}; the learning rate of preset {self.preset} is {PRESETS[self.preset].learning_rate:g}"

    def cautions(self, learning_rate: float) -> list[str]:
        """Compare with the authors' experience."""
        if learning_rate < HIGH_RATE:
            return []
        return [
            f"learning_rate {learning_rate:g} is high for SimPO: at 1e-5 its authors saw incoherent or repetitive "
            "answers; they searched among 3e-7, 5e-7, 8e-7 and 1e-6"
        ]


def simpo_loss(
    chosen_means_P: Tensor,
    rejected_means_P: Tensor,
    *,
    beta: float,
    gamma_beta_ratio: float,
    loss_type: Literal["sigmoid", "hinge"] = "sigmoid",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the loss of each pair [P] from the mean log-probability of each answer's tokens, in nats, shape [P].

    Equation 6 of the paper, in the form of the authors' code: m = beta * (chosen - rejected - gamma / beta), and
    -log sigma(m), or max(0, 1 - m).
    """
    margins_P = beta * (chosen_means_P - rejected_means_P - gamma_beta_ratio)
    return margin_loss(margins_P, loss_type, label_smoothing)
