"""The texts inside a record of any type, and the same record with other texts."""

from collections.abc import Sequence

import msgspec

from zhiyin.data.sources import Record
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference


def texts(record: Record) -> tuple[str, ...]:
    """Return every text of the record in order: the document; the turns; the prompt's turns and both answers."""
    if isinstance(record, Conversation):
        return tuple([message.content for message in record.messages])
    if isinstance(record, Document):
        return (record.text,)
    return (*(message.content for message in record.prompt), record.chosen, record.rejected)


def characters(record: Record) -> int:
    """Return the length in characters: of a preference, with the longer of its two answers."""
    if isinstance(record, Document):
        return len(record.text)
    turns = record.messages if isinstance(record, Conversation) else record.prompt
    count = 0 if isinstance(record, Conversation) else max(len(record.chosen), len(record.rejected))
    for turn in turns:
        count += len(turn.content)
    return count


def asked(record: Record) -> str:
    """Return what the record asks: the first user turn, or the whole document. System turns are no part of it."""
    if isinstance(record, Document):
        return record.text
    turns = record.messages if isinstance(record, Conversation) else record.prompt
    return next((turn.content for turn in turns if turn.role == "user"), "")


def questions(record: Record) -> tuple[str, ...]:
    """Return what users say; a document asks nothing."""
    if isinstance(record, Document):
        return ()
    turns = record.messages if isinstance(record, Conversation) else record.prompt
    return tuple([turn.content for turn in turns if turn.role == "user"])


def answers(record: Record) -> tuple[str, ...]:
    """Return what is learnt: the document; the assistant's turns; both answers of a preference."""
    if isinstance(record, Document):
        return (record.text,)
    if isinstance(record, Preference):
        return (record.chosen, record.rejected)
    return tuple([turn.content for turn in record.messages if turn.role == "assistant"])


def with_texts(record: Record, new: Sequence[str]) -> Record:
    """Return the record with other texts, as many as `texts` gives and in that order."""
    if isinstance(record, Document):
        return msgspec.structs.replace(record, text=new[0])
    if isinstance(record, Conversation):
        return msgspec.structs.replace(record, messages=_turns(record.messages, new))
    return msgspec.structs.replace(record, prompt=_turns(record.prompt, new), chosen=new[-2], rejected=new[-1])


def _turns(messages: tuple[Message, ...], contents: Sequence[str]) -> tuple[Message, ...]:
    return tuple(Message(message.role, content) for message, content in zip(messages, contents, strict=False))
