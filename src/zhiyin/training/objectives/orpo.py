"""Odds Ratio Preference Optimization (Hong et al. 2024, arXiv 2403.07691): fine-tuning and preferences in one loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from zhiyin.training.examples import Example
from zhiyin.training.objectives import PairObjective, chosen_tokens, counts, pair_loss

if TYPE_CHECKING:
    from torch import Tensor

    from zhiyin.training.logprobs import LossSum, TokenLogProbs

HIGH_RATE = 1e-4
"""Twenty times the rate of the authors' Mistral-ORPO; with LoRA, plain fine-tuning begins here."""
LEAST_DOUBT = 1e-12
"""The mean log-probability of an answer is taken to be below minus this: at 0 its odds are infinite."""


class Orpo(PairObjective):
    """Learn the chosen answer by cross-entropy over its tokens, and push its odds above those of the rejected one."""

    beta: float = Field(default=0.1, ge=0)
    """Weight of the odds ratio beside the cross-entropy: the paper's lambda, TRL's beta."""

    def tokens(self, example: Example) -> int:
        """Tokens of the chosen answer; the prompt is not learnt, unlike in TRL."""
        return chosen_tokens(example)

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the odds ratio's loss summed over pairs, and the cross-entropy summed over tokens (equation 6).

        `logps/*` are means over an answer's tokens, `rewards/*` beta times that, as in TRL.
        """
        sums_S = logprobs.sums()
        means_S = sums_S / counts(logprobs)
        losses_P = self.beta * odds_ratio_loss(means_S[0::2], means_S[1::2])
        return pair_loss(losses_P, self.beta * means_S, means_S, -sums_S[0::2].sum(), sft_weight=1.0)

    def cautions(self, learning_rate: float) -> list[str]:
        """Compare with the authors' rate."""
        if learning_rate < HIGH_RATE:
            return []
        return [
            f"learning_rate {learning_rate:g} is high for ORPO: its authors trained all weights of Mistral-7B with 5e-6"
        ]


def odds_ratio_loss(chosen_means_P: Tensor, rejected_means_P: Tensor) -> Tensor:
    """Return -log sigma(log(odds(chosen) / odds(rejected))) of each pair [P] (equation 7).

    Odds are p / (1 - p), p the geometric mean of the probabilities of an answer's tokens; given are the mean
    log-probabilities, in nats, shape [P].
    """
    from torch.nn.functional import logsigmoid

    return -logsigmoid(_log_odds(chosen_means_P) - _log_odds(rejected_means_P))


def _log_odds(logps_P: Tensor) -> Tensor:
    """Return log(p / (1 - p)) from log p, exact near p = 1 as well."""
    logps_P = logps_P.clamp(max=-LEAST_DOUBT)
    return logps_P - (-logps_P.expm1()).log()
