"""A conversation as a document: its turns in order, under its own id."""

from pathlib import Path

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.data.as_text import Config, as_text
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message


def test_turns_are_joined_by_newlines(tmp_path: Path, runtime: Runtime) -> None:
    turns = (Message("system", "助手"), Message("user", "问"), Message("assistant", "答"))
    ConversationSet.write(tmp_path / "in", [Conversation("7", turns, "s", "k", {"a": 1})])
    made = as_text(Config(), out=tmp_path / "out", runtime=runtime, records=ConversationSet(tmp_path / "in"))
    assert type(made) is TextSet
    assert list(made) == [Document("7", "助手\n问\n答", "s", "k", {"a": 1})]
    assert made.summary["records"] == 1
