"""The exam the project writes itself: held-out questions with four answer texts each, asked in three ways."""

import random
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.exam import Exam
from zhiyin.evaluation.extract import LETTERS, choice, plain
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


class GeneratedExam(Exam, Benchmark):
    """Questions from conversations that carry `meta["choices"]` (four texts) and `meta["answer"]` (one of them).

    The first user turn is the question; a system turn is dropped, so that all models are asked the same. Groups are
    the records' kinds. `answer_text` ranks the four texts by log-probability; `letter` shows them as A to D and ranks
    the letters; `generate` lets the model write and reads which text it states (see `extract.choice`).
    """

    needs: ClassVar = (ConversationSet,)

    protocol: Literal["answer_text", "letter", "generate"]
    """How the question is asked and the answer read."""
    normalize: Literal["none", "tokens"] = "none"
    """Rank texts by their summed log-probability, or by its mean over tokens (for `answer_text` alone)."""
    limit: int | None = Field(default=None, ge=1)
    """Ask this many questions, drawn without replacement; all when absent."""
    seed: int = 0
    """Seed of that draw. Questions stay in the order of the records."""
    chance: float | None = 0.25
    """The accuracy of guessing."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield one prompt for each record, under the record's id."""
        if not isinstance(records, ConversationSet):
            raise TypeError(f"the generated exam reads a ConversationSet, not {records!r}")
        exam = list(records)
        if self.limit is not None and self.limit > len(exam):
            raise ValueError(f"limit: {self.limit} questions wanted, {records.path} holds {len(exam)}")
        drawn = random.Random(self.seed).sample(range(len(exam)), self.limit or len(exam))
        for index in sorted(drawn):
            yield self._prompt(exam[index])

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `accuracy`; for `generate` also `characters`, the length of the answer, and `stopped`.

        `stopped` is 1 when a stop token ended the answer, 0 when the limit cut it. An answer from which no choice can
        be read is wrong and counts as unanswered.
        """
        if self.protocol != "generate":
            yield from super().marks(prompt, completion, reference)
            return
        choices = self.names(prompt)
        index = choice(completion.text, choices)
        read = None if index is None else choices[index]
        yield Mark(prompt.id, "accuracy", float(read == prompt.reference), extracted=read, group=prompt.group)
        length = float(len(completion.text))
        yield Mark(prompt.id, "characters", length, extracted=completion.text, group=prompt.group)
        stopped = float(completion.stopped == "stop")
        yield Mark(prompt.id, "stopped", stopped, extracted=completion.stopped, group=prompt.group)

    def names(self, prompt: Prompt) -> tuple[str, ...]:
        """Return what was ranked, or the texts that a written answer is searched for."""
        if self.protocol != "generate":
            return prompt.choices
        choices = prompt.meta["choices"]
        if not isinstance(choices, list):
            raise TypeError(f"prompt {prompt.id}: its choices must be a list, not {choices!r}")
        return tuple(map(str, choices))

    def ranked_by(self, completion: Completion) -> tuple[float, ...]:
        """Return the summed log-probabilities, or their means over tokens."""
        if self.normalize == "none" or self.protocol != "answer_text":
            return completion.choice_logprobs
        pairs = zip(completion.choice_logprobs, completion.choice_tokens, strict=True)
        return tuple(total / tokens for total, tokens in pairs)

    def _prompt(self, record: Conversation) -> Prompt:
        choices, answer, said = _question(record)
        question, reference, ranked = said, answer, choices
        if self.protocol == "letter":
            options = "".join(f"\n{letter}. {text}" for letter, text in zip(LETTERS, choices, strict=True))
            question, ranked = f"{said}{options}\n答案是：", LETTERS
            reference = LETTERS[choices.index(answer)]
        return Prompt(
            id=record.id,
            messages=(Message("user", question),),
            choices=() if self.protocol == "generate" else ranked,
            reference=reference,
            group=record.kind,
            meta={"choices": list(choices), "question": said},
        )


def _question(record: Conversation) -> tuple[tuple[str, ...], str, str]:
    """Return choices, answer and question; raises `ValueError` for a record that is no question of the exam."""
    choices, answer = record.meta.get("choices"), record.meta.get("answer")
    if not isinstance(choices, list) or not len({plain(text) for text in choices}) == len(choices) == len(LETTERS):
        raise ValueError(f"record {record.id}: meta.choices must be four different texts, not {choices!r}")
    if not isinstance(answer, str) or answer not in choices:
        raise ValueError(f"record {record.id}: meta.answer must be one of {choices}, not {answer!r}")
    question = next((message.content for message in record.messages if message.role == "user"), "")
    if not question:
        raise ValueError(f"record {record.id}: there is no user turn to ask")
    return tuple(choices), answer, question
