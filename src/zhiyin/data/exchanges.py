"""One question and one answer: what a row of most instruction data sets comes to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.turns import absent, conversation, text_field
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected


@dataclass(frozen=True)
class Exchange:
    """What is asked, what it is asked about, and the answer."""

    question: str
    answer: str
    addition: str = ""
    """The `input` of Alpaca's form; empty where the question says it all."""
    between: str = "\n"
    """What parts the question from its addition."""


class ExchangeRows(FileRows):
    """The half of a source whose rows are single exchanges."""

    yields: ClassVar = ConversationSet
    task: ClassVar[str] = "instruction"
    """The kind of every record."""

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Return both sides of a row, by default the two columns it expects; raises `BadRow` when it has none."""
        question, answer = self.expects
        return Exchange(text_field(row, question), text_field(row, answer))

    def kind_of(self, row: Row) -> str:
        """Return the kind of a record; a set of several kinds overrides this."""
        return self.task

    def asked(self, found: Exchange) -> list[Message]:
        """Return the turns that ask."""
        parts = [part for part in (found.question, found.addition) if part.strip()]
        return [Message("user", found.between.join(parts))]

    def record(self, row: Row) -> Conversation:
        """Return the exchange as a conversation."""
        found = self.exchange(row.value)
        turns = conversation([*self.asked(found), Message("assistant", found.answer)])
        return Conversation(self.identify(row), turns, self.data_set, self.kind_of(row))


class InstructionRows(ExchangeRows):
    """The half of a source in Alpaca's form: an instruction, often with an input that it is about, and the output."""

    expects: ClassVar[tuple[str, ...]] = ("instruction", "output")
    optional: ClassVar[tuple[str, ...]] = ("input",)

    separate_input: bool = False
    """Make the instruction of a filled `input` the system turn, and the input the user's, for Alpaca's templates."""

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read Alpaca's three columns."""
        return Exchange(text_field(row, "instruction"), text_field(row, "output"), text_field(row, "input", ""))

    def asked(self, found: Exchange) -> list[Message]:
        """Return one turn, or two where the input is kept apart."""
        if self.separate_input and found.question.strip() and found.addition.strip():
            return [Message("system", found.question), Message("user", found.addition)]
        return super().asked(found)


def filled(row: Mapping[str, Any], name: str) -> str:
    """Return a text of the row that a wording is put around; raises `BadRow` when it is missing or blank."""
    text = text_field(row, name)
    if not text.strip():
        raise BadRow(f"nothing in the field {name!r}")
    return text


def parted(rows: Iterable[Row | Rejected], name: str) -> Iterator[Row | Rejected]:
    """Yield a row for each item of a list: `file:12.2` is the second one of line 12. Any other row stays as it is."""
    for row in rows:
        found = row.value.get(name) if isinstance(row, Row) else None
        if isinstance(row, Rejected) or not isinstance(found, list) or len(found) < 2:
            yield row
            continue
        for number, item in enumerate(found, start=1):
            yield Row(f"{row.where}.{number}", {**row.value, name: [item]})


def first(row: Mapping[str, Any], name: str) -> Any:
    """Return the first item of a list; raises `BadRow` when there is none."""
    found = row.get(name)
    if found is None:
        raise BadRow(absent(name, row))
    if not isinstance(found, list):
        raise BadRow(f"field {name!r} must be a list, not {type(found).__name__}")
    if not found:
        raise BadRow(f"an empty list in the field {name!r}")
    return found[0]


def first_text(row: Mapping[str, Any], name: str) -> str:
    """Return the first item of a list of texts; raises `BadRow` when there is none."""
    found = first(row, name)
    if not isinstance(found, str):
        raise BadRow(f"the first item of the field {name!r} must be a text, not {type(found).__name__}")
    return found
