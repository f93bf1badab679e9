"""Direct Preference Optimization (Rafailov et al. 2023, arXiv 2305.18290)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zhiyin.artifacts import PreferenceSet
from zhiyin.chat.encode import Encoder
from zhiyin.records.conversation import Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective, refusal

if TYPE_CHECKING:
    from torch import Tensor

    from zhiyin.training.logprobs import LossSum, TokenLogProbs


class Dpo(Objective):
    """Raise the chosen answer over the rejected one, relative to the model before training."""

    records: ClassVar = PreferenceSet
    needs_reference: ClassVar = True
    beta: float = Field(default=0.1, ge=0)
    """Strength of the pull towards the reference model: the reward is beta times the log-ratio."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Probability that a pair is labelled the wrong way round (conservative DPO)."""
    score_header: bool = False
    """Also score the assistant's header and the text after its stop token (X18 of SimPO's code)."""

    def examples(
        self, records: Iterable[Preference], encoder: Encoder, max_length: int
    ) -> Iterator[Example | Rejected]:
        """Yield the chosen, then the rejected sequence of each pair; a pair that is too long is set aside whole."""
        for record in records:
            pair = tuple(
                encoder.conversation(
                    (*record.prompt, Message("assistant", answer)), score_header=self.score_header, last_only=True
                )
                for answer in (record.chosen, record.rejected)
            )
            yield refusal(record.id, pair, max_length) or Example(record.id, pair)

    def units(self, example: Example) -> int:
        """One pair."""
        return 1

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the DPO loss summed over pairs; metrics are TRL's `rewards/*` and `logps/*`."""
        from zhiyin.training.logprobs import LossSum

        policy_S, reference_S = logprobs.sums(), logprobs.reference()
        rewards_S = self.beta * (policy_S - reference_S)
        chosen_P, rejected_P = rewards_S[0::2], rewards_S[1::2]
        losses_P = dpo_loss(chosen_P, rejected_P, self.label_smoothing)
        margins_P = (chosen_P - rejected_P).detach()
        metrics = {
            "rewards/chosen": chosen_P.detach().sum(),
            "rewards/rejected": rejected_P.detach().sum(),
            "rewards/margins": margins_P.sum(),
            "rewards/accuracies": (margins_P > 0).sum(),
            "logps/chosen": policy_S[0::2].detach().sum(),
            "logps/rejected": policy_S[1::2].detach().sum(),
        }
        return LossSum(losses_P.sum(), metrics)


def dpo_loss(chosen_rewards_P: Tensor, rejected_rewards_P: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the loss of each pair from its implicit rewards (equation 7), with conservative label smoothing.

    Rewards are beta * (log pi(y|x) - log pi_ref(y|x)), shape [P], one for each pair.
    """
    from torch.nn.functional import logsigmoid

    margins_P = chosen_rewards_P - rejected_rewards_P
    return -logsigmoid(margins_P) * (1 - label_smoothing) - logsigmoid(-margins_P) * label_smoothing
