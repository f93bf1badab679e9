"""python_code_instructions_18k_alpaca: tasks for a programmer, answered in Python. English.

Home: https://huggingface.co/datasets/iamtarun/python_code_instructions_18k_alpaca.
Licence: not stated.
Size: 18,612 rows.
Schema: Parquet, {instruction, input, output, prompt}; `prompt` is the same once more in Alpaca's template, and unused.

>>> source = PythonCodeInstructions(files=["."])
>>> record = source.record(Row("train.parquet:1", {
...     "instruction": "Add two numbers", "input": "1, 2", "output": "print(1 + 2)", "prompt": "Below is ..."}))
>>> record.kind, [(turn.role, turn.content) for turn in record.messages]
('code', [('user', 'Add two numbers\\n1, 2'), ('assistant', 'print(1 + 2)')])
"""

from typing import ClassVar

from zhiyin.data.exchanges import InstructionRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class PythonCodeInstructions(InstructionRows, Source):
    """Rows of instruction, input and output."""

    home: ClassVar = "https://huggingface.co/datasets/iamtarun/python_code_instructions_18k_alpaca"
    hub_id: ClassVar = "iamtarun/python_code_instructions_18k_alpaca"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "18,612 rows"
    verified: ClassVar = True
    task: ClassVar = "code"
