"""The family of objectives. A member turns records into examples, and token log-probabilities into a loss.

Example, `objectives/cross_entropy.py`:

    class CrossEntropy(Objective):
        records: ClassVar = ConversationSet

        def examples(self, records, encoder, max_length): ...
        def units(self, example): return number of supervised tokens
        def loss(self, logprobs): return LossSum(-logprobs.values_N.sum())

A loss is a sum over units (tokens, or pairs). The trainer divides it by the units of the whole optimiser step, so
the result does not depend on how the step was cut into micro-batches, nor on padding or packing.

Axes: N supervised tokens, S sequences (of pairs: chosen, rejected, chosen, rejected, ...), P pairs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.conversation import Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.training.examples import Example

if TYPE_CHECKING:
    from torch import Tensor

    from zhiyin.training.logprobs import LossSum, TokenLogProbs


class Objective(Plugin, ABC):
    """What is learnt from a record."""

    records: ClassVar[type[TextSet] | type[ConversationSet] | type[PreferenceSet]]
    """The record set it reads."""
    needs_reference: ClassVar[bool] = False
    """Each sequence also needs its log-probability under the model before training."""

    @abstractmethod
    def examples(self, records: Iterable[Any], encoder: Encoder, max_length: int) -> Iterator[Example | Rejected]:
        """Yield the examples in order; a record that cannot be learnt from is yielded as `Rejected`."""

    @abstractmethod
    def units(self, example: Example) -> float:
        """Return how many units (supervised tokens, their weights, or pairs) the example adds to the normalisation."""

    def tokens(self, example: Example) -> int:
        """Return how many tokens the example adds to the divisor of `LossSum.per_token`; 0 without such a term."""
        return 0

    @abstractmethod
    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the loss summed over the units of a micro-batch, and sums of metrics over its examples."""

    def told(self) -> str:
        """Return a sentence on what the settings come to, told before training; empty for nothing to tell."""
        return ""

    def cautions(self, learning_rate: float) -> list[str]:
        """Return sentences of warning about this learning rate, told before training."""
        return []


AnyObjective = Annotated[SerializeAsAny[Objective], choice(Objective)]


def refusal(id: str, sequences: Iterable[Encoded], max_length: int) -> Rejected | None:
    """Return why these sequences cannot be trained on: too long (nothing is cut), or nothing supervised."""
    for sequence in sequences:
        if len(sequence.ids) > max_length:
            reason = "longer than max_length"
            return Rejected(where=id, reason=reason, row=f"{len(sequence.ids)} tokens, max_length is {max_length}")
        if not any(sequence.mask[1:]):
            return Rejected(where=id, reason="no supervised token", row="")
    return None


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
