"""Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290), with the hinge and IPO losses beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zhiyin.training.examples import Example
from zhiyin.training.objectives import PairObjective, check_smoothing, chosen_tokens, counts, margin_loss, pair_loss

if TYPE_CHECKING:
    from torch import Tensor

    from zhiyin.training.logprobs import LossSum, TokenLogProbs

HIGH_RATE = 5e-5
"""Ten times the 5e-6 that is usual for LoRA. With all weights SimPO's authors found 3e-7 to 7e-7 best for DPO."""


class Dpo(PairObjective):
    """Raise the chosen answer over the rejected one, relative to the model before training."""

    needs_reference: ClassVar = True
    beta: float = Field(default=0.1, ge=0)
    """Strength of the pull towards the reference model: the reward is beta times the log-ratio. IPO calls it tau."""
    loss_type: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"
    """`sigmoid` is DPO; `hinge` is SLiC's loss of the same rewards; `ipo` aims at a margin of 1 / (2 beta)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Probability that a pair is labelled the wrong way round (conservative DPO)."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Weight of the cross-entropy of the chosen answers, averaged over their tokens, that is added to the loss."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_smoothing(self.loss_type, self.label_smoothing)
        if self.loss_type == "ipo" and not self.beta:
            raise ValueError("beta must be above 0 for loss_type ipo: the margin aimed at is 1 / (2 beta)")
        return self

    def tokens(self, example: Example) -> int:
        """Tokens of the chosen answer, where it is also learnt by cross-entropy."""
        return chosen_tokens(example) if self.sft_weight else 0

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the loss summed over pairs; metrics are TRL's `rewards/*` and `logps/*`, of whole answers."""
        policy_S = logprobs.sums()
        ratios_S = policy_S - logprobs.reference()
        rewards_S = self.beta * ratios_S
        if self.loss_type == "ipo":
            means_S = ratios_S / counts(logprobs)
            losses_P = ipo_loss(means_S[0::2], means_S[1::2], self.beta)
        else:
            losses_P = dpo_loss(rewards_S[0::2], rewards_S[1::2], self.loss_type, self.label_smoothing)
        return pair_loss(losses_P, rewards_S, policy_S, -policy_S[0::2].sum(), self.sft_weight)

    def cautions(self, learning_rate: float) -> list[str]:
        """Compare with published rates."""
        if learning_rate < HIGH_RATE:
            return []
        return [
            f"learning_rate {learning_rate:g} is high for DPO: published runs on models of 7 to 9 billion parameters "
            "use 3e-7 to 7e-7 for all weights and about 5e-6 for LoRA"
        ]


def dpo_loss(
    chosen_rewards_P: Tensor,
    rejected_rewards_P: Tensor,
    loss_type: Literal["sigmoid", "hinge"] = "sigmoid",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the loss of each pair from its implicit rewards, shape [P], of rewards of the same shape.

    Rewards are beta * (log pi(y|x) - log pi_ref(y|x)). `sigmoid` is equation 7 of the paper, with smoothing its
    conservative form (cDPO, Mitchell 2023, https://ericmitchell.ai/cdpo.pdf). `hinge` is SLiC-HF's loss (Zhao et al.
    2023, arXiv 2305.10425) with margin 1 on these rewards, as compared by Liu et al. 2024 (RSO, arXiv 2309.06657).
    """
    return margin_loss(chosen_rewards_P - rejected_rewards_P, loss_type, label_smoothing)


def ipo_loss(chosen_ratios_P: Tensor, rejected_ratios_P: Tensor, beta: float) -> Tensor:
    """Return (h - 1 / (2 beta))^2 of each pair, h the difference of its log-ratios, shape [P].

    Azar et al. 2023 (arXiv 2310.12036), equation 17. A log-ratio here is the mean over the tokens of its answer, end
    tokens included: a sum would make the loss grow with length, and TRL notes that the authors use the mean.
    """
    return (chosen_ratios_P - rejected_ratios_P - 1 / (2 * beta)) ** 2
