"""HC3-Chinese: questions of seven fields, answered by people and by ChatGPT.

Home: https://huggingface.co/datasets/Hello-SimpleAI/HC3-Chinese.
Licence: CC BY-SA 4.0; some of the sets inside have terms of their own.
Size: 12,853 questions.
Schema: JSON lines, `all.jsonl` or a file for each of baike, open_qa, nlpcc_dbqa, finance, medicine, law, psychology:
{question, human_answers: [...], chatgpt_answers: [...]}. The first answer makes a record, or every one; `file:12.2` is
the second answer of line 12. A row without such an answer is rejected. As pairs, it is `hc3_chinese_pairs`.

>>> source = Hc3Chinese(files=["."])
>>> row = Row("all.jsonl:1", {"question": "水为何结冰？", "human_answers": ["冷。"], "chatgpt_answers": ["温度……"]})
>>> record = source.record(row)
>>> record.kind, [turn.content for turn in record.messages]
('dialogue', ['水为何结冰？', '温度……'])
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from zhiyin.data.exchanges import Exchange, ExchangeRows, first_text, parted
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class Hc3Chinese(ExchangeRows, Source):
    """Rows of a question and two lists of answers."""

    home: ClassVar = "https://huggingface.co/datasets/Hello-SimpleAI/HC3-Chinese"
    hub_id: ClassVar = "Hello-SimpleAI/HC3-Chinese"
    licence: ClassVar = Licence(
        "CC BY-SA 4.0", commercial=True, terms="Some of the sets inside have terms of their own."
    )
    size: ClassVar = "12,853 questions"
    verified: ClassVar = True
    expects: ClassVar = ("question", "human_answers|chatgpt_answers")
    task: ClassVar = "dialogue"

    answers: Literal["chatgpt", "human"] = "chatgpt"
    """Whose answers are taken."""
    every: bool = False
    """Make a record of every answer, instead of the first."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Return the rows, once for each answer where every one is wanted."""
        found = super().rows()
        return parted(found, f"{self.answers}_answers") if self.every else found

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Return the question and the answer."""
        return Exchange(text_field(row, "question"), first_text(row, f"{self.answers}_answers"))
