"""Alpaca-GPT4: Stanford Alpaca's instructions answered by GPT-4, in English and in Chinese.

Home: https://github.com/Instruction-Tuning-with-GPT-4/GPT-4-LLM, folder `data`.
Licence: CC BY-NC 4.0 (not for commercial use).
Size: some 52,000 rows in English, and fewer in Chinese.
Schema: `alpaca_gpt4_data.json`, `alpaca_gpt4_data_zh.json`: arrays of {instruction, input, output}.

>>> source = AlpacaGpt4(files=["."])
>>> record = source.record(Row("zh.json:1", {"instruction": "一加一？", "input": "", "output": "二。"}))
>>> record.kind, [turn.content for turn in record.messages]
('instruction', ['一加一？', '二。'])
"""

from typing import ClassVar

from zhiyin.data.exchanges import InstructionRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class AlpacaGpt4(InstructionRows, Source):
    """Rows of instruction, input and output."""

    home: ClassVar = "https://github.com/Instruction-Tuning-with-GPT-4/GPT-4-LLM"
    licence: ClassVar = Licence("CC BY-NC 4.0", commercial=False)
    size: ClassVar = "some 52,000 rows in English, and fewer in Chinese"
    verified: ClassVar = True
