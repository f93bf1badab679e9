"""The training records of GemmaLM-Chinese (source document 002), read back from its rendered template.

Home: https://github.com/Cui-Peng-624/GemmaLM-Chinese, `src/data_processing/stage{1,2,3}/data_raw/`.
Licence: not stated; the sets inside (BELLE, alpaca-gpt4-zh, HC3, Firefly, ...) carry their own, several of them
non-commercial. For research and tests.
Size: three validation files of 1,000 rows.
Schema: an array of {text, type}: the dialogue between control words, and the task.

>>> source = GemmalmChinese(files=["."])
>>> record = source.record(Row("stage1.json:1", {
...     "text": "<start_of_turn>user\\n一年有几季？\\n<end_of_turn><eos>\\n"
...     "<start_of_turn>model\\n四季。\\n<end_of_turn><eos>\\n", "type": "instruction",
... }))
>>> record.kind, [(message.role, message.content) for message in record.messages]
('instruction', [('user', '一年有几季？'), ('assistant', '四季。')])
"""

import re
from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import ROLES, conversation, text_field
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.licence import Licence

_TURN = re.compile(r"<start_of_turn>(system|user|model)\n(.*?)\n<end_of_turn><eos>\n", re.DOTALL)


class GemmalmChinese(FileRows, Source):
    """Rows of rendered dialogues."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/Cui-Peng-624/GemmaLM-Chinese"
    licence: ClassVar = Licence(
        "not stated", commercial=None, terms="The sets inside carry their own licences, several of them non-commercial."
    )
    size: ClassVar = "three validation files of 1,000 rows"
    verified: ClassVar = True
    expects: ClassVar = ("text",)
    optional: ClassVar = ("type",)

    def record(self, row: Row) -> Conversation:
        """Return the dialogue without its control words; its type is its kind."""
        text = text_field(row.value, "text")
        found, end = [], 0
        for turn in _TURN.finditer(text):
            if turn.start() != end or "<start_of_turn>" in turn[2]:
                break
            found.append(Message(ROLES[turn[1]], turn[2]))
            end = turn.end()
        if end != len(text):
            raise BadRow("the text does not follow the template of GemmaLM-Chinese to its end")
        kind = text_field(row.value, "type", "")
        return Conversation(self.identify(row), conversation(found), self.data_set, kind)
