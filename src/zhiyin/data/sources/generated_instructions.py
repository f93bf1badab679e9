"""Chinese questions and answers made by code, for instruction tuning and for the exam."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.data.generator import questions
from zhiyin.data.generator.fact import Part
from zhiyin.data.generator.questions import Style
from zhiyin.data.sources import Row, Source
from zhiyin.records.conversation import Conversation
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class GeneratedInstructions(Source):
    """One question, in one of several wordings, and its answer; the kind is the topic.

    Home: this project, `data/generator/`. Licence: Apache-2.0, as the project. Size: up to some 4,300 records to
    train on and 2,700 held out. Schema of a row: a `Conversation`; its `meta` holds `choices` (four answers, shuffled),
    `answer` (the right one), `fact` (its key), `form` (`open`, or `letters`: choices written out, the answer a letter),
    `style` (`brief` or `verbose`) and `unseen` (no prose states it). Facts of the two parts are disjoint, and so are
    their roots: a capital is not asked in one part when its province is asked in the other.

    >>> row = next(iter(GeneratedInstructions(part="held_out", count=1).rows()))
    >>> sorted(row.value["meta"])
    ['answer', 'choices', 'fact', 'form', 'style', 'unseen']
    """

    yields: ClassVar = ConversationSet
    home: ClassVar = "this project"
    licence: ClassVar = Licence("Apache-2.0", commercial=True)
    size: ClassVar = "up to some 4,300 records"
    verified: ClassVar = True

    part: Part
    """`train`, or `held_out` for the exam: the facts are divided once and for all, whatever the seed."""
    count: int = Field(gt=0)
    """Records, spread over the kinds as evenly as they have facts."""
    seed: int = 0
    """Draws which facts are asked, their wordings, choices and answers."""
    style: Style = "brief"
    """The answers: the fact alone, a rambling reply around it, or half of each."""
    kinds: tuple[str, ...] = ()
    """Only these kinds, such as `capital`; empty means all."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the conversations as rows."""
        found = questions.conversations(self.part, self.count, self.seed, self.style, self.kinds)
        for number, conversation in enumerate(found, start=1):
            yield Row(f"{self.name}:{number}", msgspec.to_builtins(conversation))

    def record(self, row: Row) -> Conversation:
        """Read a row back."""
        return msgspec.convert(row.value, Conversation)
