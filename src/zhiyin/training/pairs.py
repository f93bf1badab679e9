"""What objectives over pairs share: how a pair is encoded, the loss of a margin, and what is measured.

Axes: N supervised tokens, S sequences (chosen, rejected, chosen, rejected, ...), P pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

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


class PairObjective(Objective):
    """An objective over two answers to one prompt: sequence 2p of a batch is the chosen one of pair p, 2p + 1 not."""

    records: ClassVar = PreferenceSet
    score_header: bool = False
    """Also score the assistant's header and the text after its stop token (X18 of SimPO's code)."""

    def examples(
        self, records: Iterable[Preference], encoder: Encoder, max_length: int
    ) -> Iterator[Example | Rejected]:
        """Yield the chosen, then the rejected sequence of each pair; a pair that is too long is set aside whole."""
        found = list(records)
        turns = [
            (*record.prompt, Message("assistant", answer))
            for record in found
            for answer in (record.chosen, record.rejected)
        ]
        encoded = encoder.conversations(turns, score_header=self.score_header, last_only=True)
        for record, chosen, rejected in zip(found, encoded[0::2], encoded[1::2], strict=True):
            pair = (chosen, rejected)
            yield refusal(record.id, pair, max_length) or Example(record.id, pair)

    def units(self, example: Example) -> int:
        """One pair."""
        return 1


def chosen_tokens(example: Example) -> int:
    """Return the supervised tokens of the chosen sequence: what a negative log-likelihood of it is averaged over."""
    return sum(example.sequences[0].mask[1:])


def counts(logprobs: TokenLogProbs) -> Tensor:
    """Return the number of supervised tokens of each sequence [S]."""
    return logprobs.sequence_N.bincount(minlength=logprobs.num_sequences)


def margin_loss(
    margins_P: Tensor, loss_type: Literal["sigmoid", "hinge"] = "sigmoid", label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each reward margin [P]: -log sigma(m), or max(0, 1 - m).

    Smoothing is the probability that a pair is labelled the wrong way round; it belongs to the sigmoid.
    """
    from torch.nn.functional import logsigmoid, relu

    if loss_type == "hinge":
        return relu(1 - margins_P)
    return -logsigmoid(margins_P) * (1 - label_smoothing) - logsigmoid(-margins_P) * label_smoothing


def check_smoothing(loss_type: str, label_smoothing: float) -> None:
    """Raise `ValueError` for a smoothing that the loss would not read."""
    if label_smoothing and loss_type != "sigmoid":
        raise ValueError(f"label_smoothing belongs to loss_type sigmoid; {loss_type} has none")


def pair_loss(losses_P: Tensor, rewards_S: Tensor, logps_S: Tensor, nll: Tensor, sft_weight: float) -> LossSum:
    """Put a loss of pairs and the negative log-likelihood of the chosen answers together, with what is measured.

    `nll` is summed over tokens; with a weight of 0 it is neither learnt from nor measured. Metrics have TRL's names.
    """
    from zhiyin.training.logprobs import LossSum

    rewards_S, logps_S = rewards_S.detach(), logps_S.detach()
    margins_P = rewards_S[0::2] - rewards_S[1::2]
    metrics = {
        "rewards/chosen": rewards_S[0::2].sum(),
        "rewards/rejected": rewards_S[1::2].sum(),
        "rewards/margins": margins_P.sum(),
        "rewards/accuracies": (margins_P > 0).sum(),
        "logps/chosen": logps_S[0::2].sum(),
        "logps/rejected": logps_S[1::2].sum(),
    }
    if not sft_weight:
        return LossSum(losses_P.sum(), metrics)
    return LossSum(losses_P.sum(), metrics, sft_weight * nll, {"sft_loss": nll.detach()})
