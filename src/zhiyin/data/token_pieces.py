"""Records as tokens: how they are encoded, whatever their kind, and what each token stands for."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.data.sources import Record
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.inspection import Piece

UNFINISHED = "\ufffd"
"""What a decoder writes for bytes that are no whole character."""
MOST = 8
"""Tokens of one piece: a character has four bytes at most, and half as many again may be of its neighbours."""


class Unusable(Struct, frozen=True):
    """A record that the template cannot render, and why."""

    id: str
    reason: str


def encoded(records: Sequence[Record], encoder: Encoder) -> Iterator[Encoded | Unusable]:
    """Yield the tokens of each record with the mask of what training supervises; of a preference, of its longer answer.

    A document is supervised whole.
    """
    for record in records:
        try:
            yield _encoded(record, encoder)
        except ValueError as error:
            yield Unusable(record.id, str(error).partition(";")[0])


def _encoded(record: Record, encoder: Encoder) -> Encoded:
    if isinstance(record, Document):
        (ids,) = encoder.texts([record.text])
        return Encoded(ids, [True] * len(ids))
    if isinstance(record, Conversation):
        return encoder.conversation(record.messages)
    answers = (record.chosen, record.rejected)
    both = encoder.conversations([[*record.prompt, Message("assistant", answer)] for answer in answers], last_only=True)
    return max(both, key=lambda one: len(one.ids))


def pieces(one: Encoded, decode: Callable[[list[int]], str]) -> Iterator[Piece]:
    """Yield the tokens with their texts, joined where a character spans several.

    A token is decoded behind the piece before it, for some tokenizers drop a space at the beginning of a text.
    """
    before: list[int] = []
    waiting: list[int] = []
    start = 0
    for place, token in enumerate(one.ids):
        waiting.append(token)
        text = decode([*before, *waiting])[len(decode(before)) :]
        if UNFINISHED in text and len(waiting) < MOST and place + 1 < len(one.ids):
            continue
        yield Piece(text, tuple(waiting), any(one.mask[start : place + 1]))
        before, waiting, start = waiting, [], place + 1
