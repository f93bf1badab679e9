"""Rows in the form of Stanford Alpaca, with LLaMA-Factory's extension: a system prompt and earlier turns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zhiyin.data.rows import BadRow
from zhiyin.data.turns import joined, text_field
from zhiyin.records.conversation import Message


@dataclass(frozen=True)
class Names:
    """What the columns are called; one that is empty is not read."""

    prompt: str = "instruction"
    query: str = "input"
    system: str = "system"
    history: str = "history"


ALPACA = Names()


def question(row: Mapping[str, Any], names: Names) -> list[Message]:
    """Return the turns up to the last question, a filled input on a line of its own below the instruction."""
    asked = joined(text_field(row, names.prompt), text_field(row, names.query, "") if names.query else "")
    return [*before(row, names), Message("user", asked)]


def before(row: Mapping[str, Any], names: Names) -> list[Message]:
    """Return the system turn and the earlier turns, where there are any."""
    system = text_field(row, names.system, "") if names.system else ""
    turns = [Message("system", system)] if system else []
    history = (row.get(names.history) if names.history else None) or []
    if not isinstance(history, list):
        raise BadRow("the history is not a list of [question, answer]")
    for pair in history:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise BadRow("the history is not a list of [question, answer]")
        turns += [Message("user", pair[0]), Message("assistant", pair[1])]
    return turns
