"""Supervised fine-tuning: cross-entropy on the assistant's tokens alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.chat.encode import Encoder
from zhiyin.records.conversation import Conversation
from zhiyin.records.jsonl import Rejected
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective, refusal

if TYPE_CHECKING:
    from zhiyin.training.logprobs import LossSum, TokenLogProbs


class CrossEntropy(Objective):
    """The mean is over the supervised tokens of the whole optimiser step, not over records."""

    records: ClassVar = ConversationSet
    score_header: bool = False
    """Also learn the assistant's header and the text after its stop token (X18 of SimPO's code)."""

    def examples(
        self, records: Iterable[Conversation], encoder: Encoder, max_length: int
    ) -> Iterator[Example | Rejected]:
        """Yield one sequence a conversation; one that is too long is set aside, never cut."""
        found = list(records)
        encoded = encoder.conversations([record.messages for record in found], score_header=self.score_header)
        for record, one in zip(found, encoded, strict=True):
            yield refusal(record.id, [one], max_length) or Example(record.id, (one,))

    def units(self, example: Example) -> int:
        """Supervised tokens; the first token of a sequence is never predicted."""
        return sum(example.sequences[0].mask[1:])

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the negative log-likelihood, summed over supervised tokens, in nats."""
        from zhiyin.training.logprobs import LossSum

        return LossSum(-logprobs.values_N.sum(), {})
