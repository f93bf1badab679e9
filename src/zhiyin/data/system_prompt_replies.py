"""Read a system prompt out of a generator's reply, or say why it is none."""

import re

from zhiyin.data.rows import BadRow
from zhiyin.records.conversation import Conversation
from zhiyin.records.prompt import Completion
from zhiyin.text.manner import asks, refuses
from zhiyin.text.whitespace import tidy

QUOTED = 16
"""So many characters of what the user says, word for word, make a prompt one that speaks of the question."""
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.DOTALL)
_LABEL = re.compile(r"\A(?:\*\*)?(?:系统提示词?|系统设定|System prompt)(?:\*\*)?\s*[:：](?:\*\*)?\s*", re.IGNORECASE)
_PAIRS = {"“": "”", '"': '"', "「": "」", "‘": "’"}


def prompt_in(reply: Completion | None, record: Conversation, longest: int) -> str:
    """Return the system prompt for a record; raises `BadRow` with a reason that can be counted."""
    if reply is None:
        raise BadRow("no reply")
    text = _bare(reply.text)
    if not text:
        raise BadRow("empty")
    if reply.stopped == "length":
        raise BadRow("cut off")
    if refuses(text):
        raise BadRow("a refusal")
    if len(text) > longest:
        raise BadRow(f"longer than {longest} characters")
    if asks(text):
        raise BadRow("speaks as a user does")
    if _quotes(text, record):
        raise BadRow("repeats what the user says")
    return text


def _bare(text: str) -> str:
    """Return the text without a fence, a label or quotes around the whole of it."""
    text = tidy(text)
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    text = _LABEL.sub("", text)
    closing = _PAIRS.get(text[:1])
    if closing and text.endswith(closing) and closing not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _quotes(text: str, record: Conversation) -> bool:
    """Tell whether the text holds a piece of a user's turn, white space aside."""
    whole = "".join(text.split())
    for turn in record.messages:
        if turn.role == "user":
            said = "".join(turn.content.split())
            if any(said[start : start + QUOTED] in whole for start in range(len(said) - QUOTED + 1)):
                return True
    return False
