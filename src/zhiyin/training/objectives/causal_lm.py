"""Plain language modelling: predict every next token of running text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from zhiyin.artifacts import TextSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.records.conversation import Document
from zhiyin.records.jsonl import Rejected
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective

if TYPE_CHECKING:
    from zhiyin.training.logprobs import LossSum, TokenLogProbs

DOCUMENTS_AT_ONCE = 1000


class CausalLm(Objective):
    """Documents, each between BOS and EOS, are laid end to end and cut into blocks of `max_length`: no padding."""

    records: ClassVar = TextSet

    def examples(self, records: Iterable[Document], encoder: Encoder, max_length: int) -> Iterator[Example | Rejected]:
        """Yield blocks of exactly `max_length` tokens, and a shorter last one. Text is never dropped."""
        stream: list[int] = []
        count = 0
        start = [] if encoder.bos_id is None else [encoder.bos_id]
        for ids in _token_ids(records, encoder):
            stream += [*start, *ids, encoder.eos_id]
            while len(stream) >= max_length:
                yield _block(count, stream[:max_length])
                stream = stream[max_length:]
                count += 1
        if len(stream) > 1:
            yield _block(count, stream)

    def units(self, example: Example) -> int:
        """Every token but the first is predicted."""
        return len(example.sequences[0].ids) - 1

    def loss(self, logprobs: TokenLogProbs) -> LossSum:
        """Return the negative log-likelihood, summed over tokens, in nats."""
        from zhiyin.training.logprobs import LossSum

        return LossSum(-logprobs.values_N.sum(), {})


def _token_ids(records: Iterable[Document], encoder: Encoder) -> Iterator[list[int]]:
    """Yield the ids of each text, without BOS or EOS, tokenising many at once."""
    texts: list[str] = []
    for record in records:
        texts.append(record.text)
        if len(texts) == DOCUMENTS_AT_ONCE:
            yield from encoder.texts(texts)
            texts = []
    yield from encoder.texts(texts)


def _block(number: int, ids: list[int]) -> Example:
    return Example(f"block-{number}", (Encoded(ids, [False] + [True] * (len(ids) - 1)),))
