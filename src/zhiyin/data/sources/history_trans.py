"""HistoryTrans: the dynastic histories, sentence by sentence in classical and in modern Chinese.

Home: https://huggingface.co/datasets/HistoryTrans/Dataset.
Licence: MIT.
Size: 765,294 pairs.
Schema: JSON lines, {inputs, truth}, and what models made of them, which is not used. Worded as in document 002.

>>> source = HistoryTrans(files=["."])
>>> record = source.record(Row("train.jsonl:1", {"inputs": "沛公军霸上。", "truth": "沛公驻扎在霸上。"}))
>>> record.kind, [turn.content for turn in record.messages]
('classical_translation', ['请将以下文言文翻译成现代文：\\n\\n沛公军霸上。', '沛公驻扎在霸上。'])
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.exchanges import Exchange, ExchangeRows, filled
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.licence import Licence


class HistoryTrans(ExchangeRows, Source):
    """Rows of a classical sentence and its translation."""

    home: ClassVar = "https://huggingface.co/datasets/HistoryTrans/Dataset"
    hub_id: ClassVar = "HistoryTrans/Dataset"
    licence: ClassVar = Licence("MIT", commercial=True)
    size: ClassVar = "765,294 pairs"
    verified: ClassVar = True
    expects: ClassVar = ("inputs", "truth")
    task: ClassVar = "classical_translation"

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Ask for the translation."""
        return Exchange(f"请将以下文言文翻译成现代文：\n\n{filled(row, 'inputs')}", text_field(row, "truth"))
