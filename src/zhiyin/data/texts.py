"""The texts inside a record of any type, and the same record with other texts."""

from collections.abc import Callable

import msgspec

from zhiyin.data.sources import Record
from zhiyin.records.conversation import Conversation, Document, Message


def texts(record: Record) -> tuple[str, ...]:
    """Return every text of the record in order: the document; the turns; the prompt's turns and both answers."""
    if isinstance(record, Document):
        return (record.text,)
    if isinstance(record, Conversation):
        return tuple(message.content for message in record.messages)
    return (*(message.content for message in record.prompt), record.chosen, record.rejected)


def characters(record: Record) -> int:
    """Return the length in characters: of a preference, with the longer of its two answers."""
    if isinstance(record, Document | Conversation):
        return sum(map(len, texts(record)))
    return sum(len(message.content) for message in record.prompt) + max(len(record.chosen), len(record.rejected))


def asked(record: Record) -> str:
    """Return what the record asks: the first user turn, or the whole document. System turns are no part of it."""
    if isinstance(record, Document):
        return record.text
    turns = record.messages if isinstance(record, Conversation) else record.prompt
    return next((turn.content for turn in turns if turn.role == "user"), "")


def mapped(record: Record, change: Callable[[str], str]) -> Record:
    """Return the record with every text changed; the same object when no text was."""
    if isinstance(record, Document):
        text = change(record.text)
        return record if text == record.text else msgspec.structs.replace(record, text=text)
    if isinstance(record, Conversation):
        turns = _turns(record.messages, change)
        return record if turns == record.messages else msgspec.structs.replace(record, messages=turns)
    return msgspec.structs.replace(
        record,
        prompt=_turns(record.prompt, change),
        chosen=change(record.chosen),
        rejected=change(record.rejected),
    )


def _turns(messages: tuple[Message, ...], change: Callable[[str], str]) -> tuple[Message, ...]:
    return tuple(Message(message.role, change(message.content)) for message in messages)
