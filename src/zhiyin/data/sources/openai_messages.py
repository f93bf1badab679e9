"""Dialogues in the form of OpenAI's chat, which most libraries read.

Home: https://platform.openai.com/docs/guides/supervised-fine-tuning, and every data set in its form.
Licence: each data set has its own; say it in `licence`.
Size: any.
Schema: {messages: [{role: system/developer/user/assistant, content}]}, content being a text or a list of parts of type
text. Dialogues with tools, or with turns of weight 0, are rejected: the records have no place for either.

>>> source = OpenaiMessages(files=["."])
>>> turns = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}]
>>> record = source.record(Row("chat.jsonl:1", {"messages": turns}))
>>> [(message.role, message.content) for message in record.messages]
[('user', '你好'), ('assistant', '你好！')]
"""

from collections.abc import Mapping
from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import AnyFiles
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, messages, present
from zhiyin.records.conversation import Conversation


class OpenaiMessages(AnyFiles, Source):
    """Rows of messages."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
    size: ClassVar = "any"
    verified: ClassVar = True
    expects: ClassVar = ("messages",)

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation."""
        found = present(row.value, "messages")
        plain = [_plain(turn) for turn in found] if isinstance(found, list) else found
        return Conversation(self.identify(row), conversation(messages(plain)), self.data_set, self.kind)


def _plain(turn: object) -> object:
    """Return a turn that is one of a dialogue; raises `BadRow` for one that asks for more than to be said."""
    if not isinstance(turn, Mapping):
        return turn
    if turn.get("role") in ("tool", "function") or turn.get("tool_calls") or turn.get("function_call"):
        raise BadRow("a tool's turn; the records have none for tools")
    if turn.get("weight") == 0:
        raise BadRow("a turn of weight 0; every answer of a dialogue is trained on")
    return {**turn, "role": "system"} if turn.get("role") == "developer" else turn
