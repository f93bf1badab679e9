"""Dialogues in the form of ShareGPT.

Home: https://huggingface.co/datasets/shareAI/ShareGPT-Chinese-English-90k, and every data set in its form.
Licence: each data set has its own, say it in `licence`; ShareGPT-Chinese-English-90k's is Apache-2.0.
Size: tens of thousands to millions of dialogues.
Schema: {conversations: [{from: human/gpt/system, value}], system?}; `tags` gives these words other names. Turns
of a tool (`function_call`, `observation`) make a dialogue be rejected: the records have no turn for one.

>>> source = Sharegpt(files=["."])
>>> record = source.record(
...     Row("talk.jsonl:1", {"conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！"}]})
... )
>>> [(message.role, message.content) for message in record.messages]
[('user', '你好'), ('assistant', '你好！')]
"""

from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import AnyFiles
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.tagged import Tags
from zhiyin.data.turns import conversation, messages, present, text_field
from zhiyin.records.conversation import Conversation, Message


class Sharegpt(AnyFiles, Source):
    """Rows of turns."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://huggingface.co/datasets/shareAI/ShareGPT-Chinese-English-90k"
    size: ClassVar = "tens of thousands to millions of dialogues"
    verified: ClassVar = True
    expects: ClassVar = ("conversations",)
    optional: ClassVar = ("system",)

    tags: Tags | None = None
    """What the parts of a turn are called; by default any of the usual words."""

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation."""
        turns = present(row.value, "conversations")
        found = self.tags.messages(turns) if self.tags else messages(turns)
        if system := text_field(row.value, "system", ""):
            found.insert(0, Message("system", system))
        return Conversation(self.identify(row), conversation(found), self.data_set, self.kind)
