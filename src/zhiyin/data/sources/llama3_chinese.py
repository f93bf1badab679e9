"""Llama3-Chinese-Dataset: Chinese dialogues in the form of ShareGPT.

Home: https://modelscope.cn/datasets/zhuangxialie/Llama3-Chinese-Dataset.
Licence: not stated.
Size: not stated.
Schema: JSON lines or an array of {conversations: [{from: human/gpt, value}]}, with {system} where there is one. Read
in no real file: documents 000 and 001 say that it is the form of ShareGPT, and no more.

>>> source = Llama3Chinese(files=["."])
>>> record = source.record(Row("a.jsonl:1", {"conversations": [
...     {"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！"}]}))
>>> record.kind, [(turn.role, turn.content) for turn in record.messages]
('dialogue', [('user', '你好'), ('assistant', '你好！')])
"""

from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, messages, text_field
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.licence import Licence


class Llama3Chinese(FileRows, Source):
    """Rows of turns."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://modelscope.cn/datasets/zhuangxialie/Llama3-Chinese-Dataset"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "not stated"
    verified: ClassVar = False
    expects: ClassVar = ("conversations",)
    optional: ClassVar = ("system",)

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation."""
        system = Message("system", text_field(row.value, "system", ""))
        turns = conversation([system, *messages(row.value.get("conversations"))])
        return Conversation(self.identify(row), turns, self.data_set, "dialogue")
