"""A conversation as text, cut into segments that know what they are: the step before tokens."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from zhiyin.chat.templates import Form
from zhiyin.records.conversation import Message, Role

ORDER = "roles must be an optional system, then user, assistant, user, ... in turn"

Part = Literal["opening", "before", "content", "closing", "after"]


class Segment(Struct, frozen=True, gc=False):
    """A run of text of one kind."""

    text: str
    part: Part
    role: Role | None
    """Whose turn it belongs to; None for the opening (BOS)."""
    turn: int
    """The place of that turn among the messages, from 0; -1 for the opening."""
    control: bool = False
    """One control string, which is one token; never so for content, whatever it holds."""


def render(form: Form, messages: Sequence[Message], *, reply: bool = False) -> tuple[Segment, ...]:
    """Lay the messages out; with `reply`, the generation prefix follows, as the begin of one more assistant turn.

    Raises `ValueError` unless the roles are an optional system, then user and assistant in turn.
    """
    check_order(messages)
    controls = form.controls
    segments = [*_literal(form.bos, "opening", None, -1, controls)]
    folded: list[Segment] = []
    first = 1 if messages[0].role == "system" else 0
    for index, message in enumerate(messages):
        role = message.role
        turn = form.first_user(folded=bool(folded)) if index == first else form.turn(role)
        text = message.content.strip() if form.trim else message.content
        before = _literal(turn.before, "before", role, index, controls)
        content = Segment(text, "content", role, index)
        closing = _literal(turn.closing, "closing", role, index, controls)
        after = _literal(turn.after, "after", role, index, controls)
        if form.fold_system and role == "system":
            folded = [*before, content, *closing, *after] if text else []
        else:
            segments += [*before, *folded, content, *closing, *after]
            folded = []
    if reply:
        segments += _literal(form.assistant.before, "before", "assistant", len(messages), controls)
    return tuple(segments)


def check_order(messages: Sequence[Message]) -> None:
    """Raise `ValueError`, with the roles found, unless they are an optional system, then user and assistant in turn."""
    roles = [message.role for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or any(role != ("user", "assistant")[index % 2] for index, role in enumerate(spoken)):
        found = ", ".join(roles) or "no messages"
        raise ValueError(f"{ORDER}; found: {found}")


@lru_cache(maxsize=4096)
def _literal(text: str, part: Part, role: Role | None, turn: int, controls: tuple[str, ...]) -> tuple[Segment, ...]:
    """Cut `<a>b` into the control string `<a>` and `b`; the longest control string wins, as in a tokenizer."""
    longest_first = sorted(controls, key=len, reverse=True)
    found = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
    return tuple(Segment(piece, part, role, turn, piece in controls) for piece in found if piece)
