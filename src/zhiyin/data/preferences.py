"""Pairs of a better and a worse answer: what rows of preference data come to, whatever their form."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.turns import absent, message, messages, question
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.preference import Preference


@dataclass(frozen=True)
class Pair:
    """A row of preference data, read but not yet checked."""

    prompt: Sequence[Message]
    chosen: str
    rejected: str
    meta: Meta = field(default_factory=dict)


class PairRows(FileRows):
    """The half of a source whose rows are pairs of answers."""

    yields: ClassVar = PreferenceSet
    expects: ClassVar[tuple[str, ...]] = ("chosen", "rejected")

    @abstractmethod
    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read a row; raises `BadRow` when it is none."""

    def kind_of(self, row: Mapping[str, Any]) -> str:
        """Return the kind of a record; none by default."""
        return ""

    def record(self, row: Row) -> Preference:
        """Return the row as a preference."""
        return preference(self.identify(row), self.pair(row.value), self.data_set, self.kind_of(row.value))


def preference(key: str, found: Pair, data_set: str, kind: str) -> Preference:
    """Return a pair as a record; an empty answer is none, and two equal ones prefer nothing."""
    if not found.chosen.strip() or not found.rejected.strip():
        raise BadRow("an empty answer")
    if found.chosen.strip() == found.rejected.strip():
        raise BadRow("chosen and rejected are the same text")
    return Preference(key, question(found.prompt), found.chosen, found.rejected, data_set, kind, found.meta)


def pair_in(
    row: Mapping[str, Any],
    asked: Sequence[Message],
    system: str = "",
    names: tuple[str, str] = ("chosen", "rejected"),
    meta: Meta | None = None,
) -> Pair:
    """Read the better and the worse answer, under the prompt from its own field or from the turns before the answers.

    Where there are both, as in UltraFeedback, the field must repeat the last of those turns.
    """
    (before, chosen), (other, rejected) = (answer(row, name) for name in names)
    if before != other:
        raise BadRow("chosen and rejected answer different prompts")
    if not before and not asked:
        raise BadRow(f"no prompt; the row has {', '.join(row)}")
    if before and asked and asked[-1].content != before[-1].content:
        raise BadRow("the prompt and the turns before the answers differ")
    prompt = list(before or asked)
    return Pair([Message("system", system), *prompt] if system else prompt, chosen, rejected, meta or {})


def answer(row: Mapping[str, Any], name: str) -> tuple[list[Message], str]:
    """Return the turns that lie before an answer in its own field, and the answer: a text, a turn, or turns."""
    value = row.get(name)
    if value is None:
        raise BadRow(absent(name, row))
    if isinstance(value, str):
        return [], value
    *before, last = messages(value) if isinstance(value, list) and value else [message(value)]
    if last.role != "assistant":
        raise BadRow(f"the {name} answer ends with a {last.role} turn")
    return before, last.content


def margin(better: object, worse: object) -> Meta:
    """Return by how much the scores of two answers differ, as `margin`; nothing where one is unknown."""
    if isinstance(better, int | float) and isinstance(worse, int | float):
        return {"margin": float(better - worse)}
    return {}
