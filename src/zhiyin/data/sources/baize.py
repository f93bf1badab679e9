"""Baize: ChatGPT in talk with itself, on questions of Quora, Stack Overflow, MedQuAD and Alpaca. English.

Home: https://github.com/project-baize/baize-chatbot, folder `data`.
Licence: research use only, as the README says; commercial use is prohibited.
Size: 54,456 dialogues of Quora, 57,046 of Stack Overflow, 46,867 medical ones.
Schema: `{quora,stackoverflow,medical,alpaca}_chat_data.json`, arrays of {topic, input}: a sentence that opens all of
them, then `[|Human|]` and `[|AI|]` before the turns, and at the end an open `[|Human|]`, which is no turn.

>>> source = Baize(files=["."])
>>> record = source.record(Row("quora_chat_data.json:1", {"topic": "Why?", "input":
...     "The conversation between human and AI assistant.\\n[|Human|] Why?\\n[|AI|] Because.\\n[|Human|] "}))
>>> record.kind, [(turn.role, turn.content) for turn in record.messages]
('dialogue', [('user', 'Why?'), ('assistant', 'Because.')])
"""

from collections.abc import Mapping
from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.marked import split
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Role
from zhiyin.records.licence import Licence

MARKS: Mapping[str, Role] = {"[|Human|]": "user", "[|AI|]": "assistant"}
OPENING = "The conversation between human and AI assistant."


class Baize(FileRows, Source):
    """Rows of marked dialogues."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/project-baize/baize-chatbot"
    licence: ClassVar = Licence("research use only", commercial=False, terms="Weights and data alike, says the README.")
    size: ClassVar = "54,456 dialogues of Quora, 57,046 of Stack Overflow, 46,867 medical ones"
    verified: ClassVar = True
    expects: ClassVar = ("input",)

    def record(self, row: Row) -> Conversation:
        """Return the dialogue without its opening sentence."""
        before, turns = split(text_field(row.value, "input"), MARKS)
        if before not in ("", OPENING):
            raise BadRow("text before the first turn")
        return Conversation(self.identify(row), conversation(turns), self.data_set, "dialogue")
