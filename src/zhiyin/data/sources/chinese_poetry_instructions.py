"""Classical poems to a title, with the instruction of which form they are to be.

Home: https://huggingface.co/datasets/ddnoodle/chinese_poetry.
Licence: not stated; the poems are in the public domain.
Size: 193,808 rows.
Schema: {instruction, context, response}; the context is the title. The question is worded as in document 002.

>>> source = ChinesePoetryInstructions(files=["."])
>>> record = source.record(Row("train.json:1", {
...     "instruction": "写一首五言绝句", "context": "静夜思", "response": "床前明月光，疑是地上霜。"}))
>>> record.kind, record.messages[0].content
('ancient_poetry_creation', '请根据以下题目：静夜思，写一首五言绝句。')
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.exchanges import Exchange, ExchangeRows, filled
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.licence import Licence


class ChinesePoetryInstructions(ExchangeRows, Source):
    """Rows of instruction, title and poem."""

    home: ClassVar = "https://huggingface.co/datasets/ddnoodle/chinese_poetry"
    hub_id: ClassVar = "ddnoodle/chinese_poetry"
    licence: ClassVar = Licence("not stated", commercial=None, terms="The poems are in the public domain.")
    size: ClassVar = "193,808 rows"
    verified: ClassVar = True
    expects: ClassVar = ("instruction", "context", "response")
    task: ClassVar = "ancient_poetry_creation"

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Ask for a poem to the title."""
        question = f"请根据以下题目：{filled(row, 'context')}，{filled(row, 'instruction')}。"
        return Exchange(question, text_field(row, "response"))
