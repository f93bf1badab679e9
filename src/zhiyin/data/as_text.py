"""Turn conversations into plain documents, for pre-training, tokenizers and perplexity."""

from pathlib import Path

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document


class Config(StepConfig):
    """Nothing to set."""


def as_text(config: Config, *, out: Path, runtime: Runtime, records: ConversationSet) -> TextSet:
    """Write one document for each conversation, with its id: its turns in order, a newline between them."""
    return TextSet(out, TextSet.write(out, (_document(record) for record in records)).summary)


def _document(record: Conversation) -> Document:
    text = "\n".join(message.content for message in record.messages)
    return Document(record.id, text, record.source, record.kind, record.meta)
