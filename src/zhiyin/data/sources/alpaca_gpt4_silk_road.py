"""Alpaca-GPT4 in Chinese by Silk Road: 52,000 instructions, each with its English original beside it.

Home: https://huggingface.co/datasets/silk-road/alpaca-data-gpt4-chinese.
Licence: CC BY-NC 4.0, that of Alpaca-GPT4, from which it was translated.
Size: some 52,000 rows.
Schema: JSON lines, `Alpaca_data_gpt4_zh.jsonl`, {instruction_zh, input_zh, output_zh, instruction, input, output}. A
filled input follows the instruction behind a line `输入：`, as document 002 wrote it, and a blank one is left out.

>>> row = Row("zh.jsonl:1", {"instruction_zh": "译成英文", "input_zh": "知音", "output_zh": "friend",
...     "instruction": "Translate", "input": "知音", "output": "friend"})
>>> AlpacaGpt4SilkRoad(files=["."]).record(row).messages[0].content
'译成英文\\n\\n输入：知音'
>>> AlpacaGpt4SilkRoad(files=["."], language="en").record(row).messages[0].content
'Translate\\n知音'
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from zhiyin.data.exchanges import Exchange, InstructionRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.licence import Licence


class AlpacaGpt4SilkRoad(InstructionRows, Source):
    """Rows of instruction, input and output in two languages."""

    home: ClassVar = "https://huggingface.co/datasets/silk-road/alpaca-data-gpt4-chinese"
    hub_id: ClassVar = "silk-road/alpaca-data-gpt4-chinese"
    licence: ClassVar = Licence("CC BY-NC 4.0", commercial=False)
    size: ClassVar = "some 52,000 rows"
    verified: ClassVar = True
    expects: ClassVar = ("instruction_zh|instruction", "output_zh|output")
    optional: ClassVar = ("input_zh", "input")

    language: Literal["zh", "en"] = "zh"
    """The side that is read."""

    @property
    def required(self) -> tuple[str, ...]:
        """The question and the answer in the language that is read."""
        end = "_zh" if self.language == "zh" else ""
        return f"instruction{end}", f"output{end}"

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read the columns of one language, in the words of document 002."""
        end, between = ("_zh", "\n\n输入：") if self.language == "zh" else ("", "\n")
        question, addition, answer = (f"{name}{end}" for name in ("instruction", "input", "output"))
        return Exchange(text_field(row, question), text_field(row, answer), text_field(row, addition, ""), between)
