"""Supervised fine-tuning: cross-entropy on the assistant's tokens, whose turns may have weights, or on every token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec import structs
from pydantic import Field, model_validator

from zhiyin.artifacts import ConversationSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.records.conversation import Conversation
from zhiyin.records.jsonl import Rejected
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective, refusal

if TYPE_CHECKING:
    from zhiyin.training.logprobs import LossSum, TokenLogProbs


class CrossEntropy(Objective):
    """The mean is over the supervised tokens of the whole optimiser step, or their weights; not over records."""

    records: ClassVar = ConversationSet
    turn_weights: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(default=(1.0,), min_length=1)
    """Weight of each answer, from the last one back; the final number is for all before it. [1, 0]: the last alone."""
    train_on_prompt: bool = False
    """Learn every token but the first, prompts included (DreamerGPT's train_on_inputs)."""
    score_header: bool = False
    """Also learn the assistant's header and the text after its stop token (X18 of SimPO's code)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not any(self.turn_weights):
            raise ValueError("turn_weights are all 0, so nothing would be learnt")
        if self.train_on_prompt and self._weighted:
            raise ValueError("train_on_prompt learns every token alike; it goes without turn_weights")
        return self

    @property
    def _weighted(self) -> bool:
        """Whether any turn counts other than 1."""
        return any(weight != 1 for weight in self.turn_weights)

    def examples(
        self, records: Iterable[Conversation], encoder: Encoder, max_length: int
    ) -> Iterator[Example | Rejected]:
        """Yield one sequence a conversation; one that is too long is set aside, never cut."""
        found = list(records)
        encoded = encoder.conversations([record.messages for record in found], score_header=self.score_header)
        for record, one in zip(found, encoded, strict=True):
            answers = sum(message.role == "assistant" for message in record.messages)
            sequence = self._supervised(one, answers)
            yield refusal(record.id, [sequence], max_length) or Example(record.id, (sequence,))

    def units(self, example: Example) -> float:
        """Supervised tokens, or the sum of their weights; the first token of a sequence is never predicted."""
        (sequence,) = example.sequences
        return sum(sequence.mask[1:]) if sequence.weights is None else sum(sequence.weights[1:])

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the negative log-likelihood, weighted and summed over supervised tokens, in nats."""
        from zhiyin.training.logprobs import LossSum

        values_N, weight_N = logprobs.values_N, logprobs.weight_N
        return LossSum(-(values_N if weight_N is None else weight_N * values_N).sum(), {})

    def _supervised(self, sequence: Encoded, answers: int) -> Encoded:
        """Supervise the prompt too, or weigh the answers."""
        if self.train_on_prompt:
            return structs.replace(sequence, mask=[False] + [True] * (len(sequence.ids) - 1))
        return _weighed(sequence, self.turn_weights, answers) if self._weighted else sequence


def _weighed(sequence: Encoded, turn_weights: tuple[float, ...], answers: int) -> Encoded:
    """Give each answer its weight; an answer is a run of supervised tokens: the user's header parts it from the next.

    Raises `ValueError` where a template puts nothing between two answers.
    """
    runs = [(supervised, len(list(run))) for supervised, run in groupby(reversed(sequence.mask))]
    found = sum(supervised for supervised, _ in runs)
    if found != answers:
        raise ValueError(f"turn_weights need answers that stand apart: {answers} answers are {found} runs of tokens")
    weights: list[float] = []
    turn = 0
    for supervised, length in runs:
        weights += [turn_weights[min(turn, len(turn_weights) - 1)] if supervised else 0.0] * length
        turn += supervised
    weights.reverse()
    return Encoded(sequence.ids, [weight > 0 for weight in weights], weights)
