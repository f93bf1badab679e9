"""Small sets of records, made on the spot."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from zhiyin.artifacts import ConversationSet
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Message

Make = Callable[[Sequence[tuple[str, str]]], ConversationSet]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=tmp_path / "store")


@pytest.fixture
def make_conversations(tmp_path: Path) -> Make:
    """Return a function from pairs of question and answer to a set, with the ids `0`, `1`, ..."""
    made = 0

    def make(pairs: Sequence[tuple[str, str]]) -> ConversationSet:
        nonlocal made
        made += 1
        records = [
            Conversation(str(number), (Message("user", question), Message("assistant", answer)), f"set{made}")
            for number, (question, answer) in enumerate(pairs)
        ]
        out = tmp_path / f"input{made}"
        return ConversationSet(out, ConversationSet.write(out, records).summary)

    return make
