"""BELLE's generated instructions, 0.5M and 1M: made by ChatGPT from 175 Chinese seed tasks.

Home: https://huggingface.co/datasets/BelleGroup/train_1M_CN, and https://huggingface.co/datasets/BelleGroup/train_0.5M_CN.
Licence: GPL-3.0; BELLE allows research use only, and no commercial use.
Size: about a million rows, and half a million.
Schema: JSON lines for all their names in `.json`: {instruction, input, output}, or {input, target} in the older form,
in which the instruction stands in `input`.

>>> source = Belle(files=["."])
>>> record = source.record(Row("1M.json:1", {"instruction": "翻译", "input": "知音", "output": "friend"}))
>>> [turn.content for turn in record.messages]
['翻译\\n知音', 'friend']
>>> alone = Belle(files=["."], instruction_only=True)
>>> alone.record(Row("a.json:1", {"instruction": "翻译知音", "input": "无", "output": "friend"})).messages[0].content
'翻译知音'
>>> source.record(Row("old.json:1", {"input": "翻译：知音", "target": "friend"})).messages[0].content
'翻译：知音'
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.exchanges import Exchange, InstructionRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.licence import Licence


class Belle(InstructionRows, Source):
    """Rows of instruction, input and output, or of input and target."""

    home: ClassVar = "https://huggingface.co/datasets/BelleGroup/train_1M_CN"
    hub_id: ClassVar = "BelleGroup/train_1M_CN"
    licence: ClassVar = Licence("GPL-3.0", commercial=False, terms="BELLE allows research use only.")
    size: ClassVar = "about a million rows, and half a million"
    verified: ClassVar = True
    expects: ClassVar = ("instruction|input", "output|target")
    optional: ClassVar = ("instruction", "input")

    instruction_only: bool = False
    """Ask the instruction alone, as document 002 did with these rows; what stands in `input` is not used."""

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Read either form."""
        if "instruction" not in row:
            return Exchange(text_field(row, "input"), text_field(row, "target"))
        addition = "" if self.instruction_only else text_field(row, "input", "")
        return Exchange(text_field(row, "instruction"), text_field(row, "output"), addition)
