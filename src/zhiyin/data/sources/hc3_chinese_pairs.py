"""HC3-Chinese as pairs: an answer by people beside one by ChatGPT, and the recipe says which of them is preferred.

Home: https://huggingface.co/datasets/Hello-SimpleAI/HC3-Chinese.
Licence: CC BY-SA 4.0; some of the sets inside have terms of their own.
Size: 12,853 questions.
Schema: that of `hc3_chinese`: {question, human_answers: [...], chatgpt_answers: [...]}. The data set prefers neither
side, so `chosen` has no default. The first answer of each side makes a pair, or every answer of the one with every
answer of the other: `file:12.2.1` holds the second human answer of line 12 and the first of ChatGPT's. A side with a
single answer is not numbered. A row in which a side has no answer is rejected.

>>> source = Hc3ChinesePairs(files=["."], chosen="human")
>>> row = Row("all.jsonl:1", {"question": "水为何结冰？", "human_answers": ["冷。"], "chatgpt_answers": ["温度……"]})
>>> record = source.record(row)
>>> record.kind, record.prompt[0].content, record.chosen, record.rejected
('dialogue', '水为何结冰？', '冷。', '温度……')
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from zhiyin.data.exchanges import first_text, parted
from zhiyin.data.preferences import Pair, PairRows
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class Hc3ChinesePairs(PairRows, Source):
    """Rows of a question and two lists of answers."""

    home: ClassVar = "https://huggingface.co/datasets/Hello-SimpleAI/HC3-Chinese"
    hub_id: ClassVar = "Hello-SimpleAI/HC3-Chinese"
    licence: ClassVar = Licence(
        "CC BY-SA 4.0", commercial=True, terms="Some of the sets inside have terms of their own."
    )
    size: ClassVar = "12,853 questions"
    verified: ClassVar = True
    expects: ClassVar = ("question", "human_answers", "chatgpt_answers")

    chosen: Literal["human", "chatgpt"]
    """Whose answers are preferred; those of the other side are the rejected ones."""
    every: bool = False
    """Make a pair of every human answer with every answer of ChatGPT's, instead of the first ones."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Return the rows, once for each pair where every one is wanted."""
        found = super().rows()
        return parted(parted(found, "human_answers"), "chatgpt_answers") if self.every else found

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Return the question, and an answer of each side."""
        human, chatgpt = first_text(row, "human_answers"), first_text(row, "chatgpt_answers")
        chosen, rejected = (human, chatgpt) if self.chosen == "human" else (chatgpt, human)
        return Pair([Message("user", text_field(row, "question"))], chosen, rejected)

    def kind_of(self, row: Mapping[str, Any]) -> str:
        """Return the kind that the conversations of this data set have."""
        return "dialogue"
