"""Dialogues in the form of ShareGPT, or of OpenAI's messages.

Home: https://huggingface.co/datasets/shareAI/ShareGPT-Chinese-English-90k, and every data set in its form.
Licence: each data set has its own; ShareGPT-Chinese-English-90k's is Apache-2.0.
Size: tens of thousands to millions of dialogues.
Schema: {conversations: [{from: human/gpt/system, value}], system?} or {messages: [{role, content}]}, content being a
text or a list of parts of type text. Dialogues with tool calls are rejected: the records have no turn for a tool.

>>> source = Sharegpt(files=["."])
>>> record = source.record(
...     Row("talk.jsonl:1", {"conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！"}]})
... )
>>> [(message.role, message.content) for message in record.messages]
[('user', '你好'), ('assistant', '你好！')]
"""

from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, messages, text_field
from zhiyin.records.conversation import Conversation, Message


class Sharegpt(FileRows, Source):
    """Rows of turns."""

    yields: ClassVar = ConversationSet

    kind: str = ""
    """The task or genre written into every record."""

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation."""
        turns = next((row.value[name] for name in ("conversations", "messages") if name in row.value), None)
        if turns is None:
            raise BadRow(f"no field 'conversations' or 'messages'; the row has {', '.join(row.value)}")
        found = messages(turns)
        if system := text_field(row.value, "system", ""):
            found.insert(0, Message("system", system))
        return Conversation(self.identify(row), conversation(found), self.data_set, self.kind)
