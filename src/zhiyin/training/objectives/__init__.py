"""The family of objectives. A member turns records into examples, and token log-probabilities into a loss.

Example, `objectives/cross_entropy.py`:

    class CrossEntropy(Objective):
        records: ClassVar = ConversationSet

        def examples(self, records, encoder, max_length): ...
        def units(self, example): return number of supervised tokens
        def loss(self, logprobs): return LossSum(-logprobs.values_N.sum())

A loss is a sum over units (tokens, or pairs). The trainer divides it by the units of the whole optimiser step, so
the result does not depend on how the step was cut into micro-batches, nor on padding or packing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.jsonl import Rejected
from zhiyin.training.examples import Example

if TYPE_CHECKING:
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
