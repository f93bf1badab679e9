"""From the words of foreign data sets to checked turns: roles, typed content, order."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import cycle
from typing import Any

from zhiyin.data.rows import BadRow
from zhiyin.execution.catalog import nearest
from zhiyin.records.conversation import Message, Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}

_SPEAKERS: tuple[Role, Role] = ("user", "assistant")


def text_field(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text of the row; raises `BadRow` when it is missing (unless there is a default) or no text."""
    value = row.get(name)
    if value is None:
        if default is None:
            raise BadRow(absent(name, row))
        return default
    if not isinstance(value, str):
        raise BadRow(f"field {name!r} must be a text, not {type(value).__name__}")
    return value


def present(row: Mapping[str, Any], name: str) -> Any:
    """Return a value of the row, of any type; raises `BadRow` when there is none."""
    value = row.get(name)
    if value is None:
        raise BadRow(absent(name, row))
    return value


def absent(name: str, row: Mapping[str, Any]) -> str:
    """Say that a field is not there or empty, what it may be called instead, and which fields there are."""
    if name in row:
        return f"no value in the field {name!r}"
    return _absent(name, tuple(row))


@lru_cache(maxsize=256)
def _absent(name: str, there: tuple[str, ...]) -> str:
    more = f" and {len(there) - 8} more" if len(there) > 8 else ""
    return f"no field {name!r}{nearest(name, there)}; the row has {', '.join(there[:8]) or 'none'}{more}"


def joined(*parts: str, between: str = "\n") -> str:
    """Return the parts of a question as one text; blank ones are left out."""
    return between.join([part for part in parts if part.strip()])


def messages(value: object) -> list[Message]:
    """Read a list of turns, `{from, value}` or `{role, content}`; raises `BadRow` for any it cannot express."""
    if not isinstance(value, list):
        raise BadRow(f"the turns must be a list, not {type(value).__name__}")
    return [message(turn) for turn in value]


def message(turn: object) -> Message:
    """Read one turn."""
    if not isinstance(turn, Mapping):
        raise BadRow(f"a turn must be an object, not {type(turn).__name__}")
    word = turn.get("from", turn.get("role"))
    role = ROLES.get(word) if isinstance(word, str) else None
    if role is None:
        raise BadRow(f"a turn of the role {word!r}")
    return Message(role, content(turn.get("value", turn.get("content"))))


def content(value: object) -> str:
    """Read a turn's content: a text, or a list of typed parts that are all text."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise BadRow(f"a turn's content must be a text, not {type(value).__name__}")
    parts = []
    for part in value:
        if not isinstance(part, Mapping) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise BadRow(f"a turn holds a part of type {kind!r}; only text can be trained on")
        parts.append(text_field(part, "value" if "value" in part else "text"))
    return "".join(parts)


def conversation(found: Iterable[Message]) -> tuple[Message, ...]:
    """Check turns that are trained on: `alternating`, and the last one is the assistant's."""
    turns = alternating(found)
    if turns[-1].role != "assistant":
        raise BadRow("it ends with a user turn")
    return turns


def question(found: Iterable[Message]) -> tuple[Message, ...]:
    """Check turns that ask for an answer: `alternating`, and the last one is the user's."""
    turns = alternating(found)
    if turns[-1].role != "user":
        raise BadRow("the prompt does not end with a user turn")
    return turns


def alternating(found: Iterable[Message]) -> tuple[Message, ...]:
    """Check that there is at most one system turn, in front, then user and assistant in turn, and none is empty.

    A system turn of nothing but blanks says nothing: it is left out, as all data sets mean it.
    """
    turns = [turn for turn in found if turn.role != "system" or turn.content.strip()]
    body = turns[1:] if turns and turns[0].role == "system" else turns
    if not body:
        raise BadRow("no turns")
    for turn, expected in zip(body, cycle(_SPEAKERS)):
        if turn.role != expected:
            article = "an" if turn.role == "assistant" else "a"
            raise BadRow(f"{article} {turn.role} turn where the {expected}'s is due")
        if not turn.content.strip():
            raise BadRow(f"an empty {turn.role} turn")
    return tuple(turns)
