"""How surprising held-out text is to a model, per token and per character."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from pydantic import Field

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.choices import logprobs
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


class Perplexity(Benchmark):
    """Documents are scored from their start, conversations by their last answer after everything before it.

    `perplexity` is exp(total nats / total tokens), so long texts count more; two models compare only when they share
    a tokenizer. `bits_per_character` divides the same nats by ln 2 and by characters, and compares any two models.
    Lower is better for both. Groups are the records' kinds.
    """

    needs: ClassVar = (TextSet, ConversationSet)

    limit: int | None = Field(default=None, ge=1)
    """Score the first records only, this many."""
    add_bos: bool | None = None
    """Of documents: put BOS in front; absent does what the tokenizer does by default."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield one prompt for each record: all before the scored text, which is its only choice."""
        if not isinstance(records, TextSet | ConversationSet):
            raise TypeError(f"perplexity reads a TextSet or a ConversationSet, not {records!r}")
        if isinstance(records, TextSet):
            yield from map(self._of_document, islice(records, self.limit))
        else:
            yield from map(_of_answer, islice(records, self.limit))

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield the text's nats with its tokens as weight, and its bits with its characters as weight.

        Raises `ValueError` when the text was not scored: there is no surprise to put in its place.
        """
        if not logprobs(prompt, completion) or completion.choice_tokens[:1] < (1,):
            raise ValueError(
                f"prompt {prompt.id}: the text was not scored, so perplexity has no value; answer it again"
            )
        nats, tokens = -completion.choice_logprobs[0], completion.choice_tokens[0]
        characters = len(prompt.choices[0])
        yield Mark(prompt.id, "perplexity", nats, extracted="", group=prompt.group, weight=tokens)
        bits = nats / math.log(2)
        yield Mark(prompt.id, "bits_per_character", bits, extracted="", group=prompt.group, weight=characters)

    def _of_document(self, record: Document) -> Prompt:
        if not record.text:
            raise ValueError(f"record {record.id}: the text is empty, and nothing has no perplexity")
        return Prompt(id=record.id, text="", add_bos=self.add_bos, choices=(record.text,), group=record.kind)


def _of_answer(record: Conversation) -> Prompt:
    last = max((index for index, one in enumerate(record.messages) if one.role == "assistant"), default=0)
    before, answer = record.messages[:last], record.messages[last].content if last else ""
    if not answer or before[-1].role != "user":
        raise ValueError(f"record {record.id}: perplexity needs a user turn followed by an answer that is not empty")
    return Prompt(id=record.id, messages=before, choices=(answer,), group=record.kind)
