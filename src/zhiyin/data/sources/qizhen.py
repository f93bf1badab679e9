"""QiZhenGPT's sft-20k: questions on medicines, diseases and examinations, answered from a medical knowledge base.

Home: https://github.com/CMKRG/QiZhenGPT, `data/train/sft-20k.json`.
Licence: GPL-3.0; the README allows academic use only, and no commercial use.
Size: 20,000 rows.
Schema: a JSON array of {instruction, input, output}, expected and not read: the file is beyond what could be opened.
Answers may hold HTML such as `<br/>`; it is left as it is.

>>> source = Qizhen(files=["."])
>>> record = source.record(Row("20k.json:1", {"instruction": "板蓝根的主治？", "input": "", "output": "清热解毒。"}))
>>> record.kind, [turn.content for turn in record.messages]
('medical', ['板蓝根的主治？', '清热解毒。'])
"""

from typing import ClassVar

from zhiyin.data.exchanges import InstructionRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.licence import Licence


class Qizhen(InstructionRows, Source):
    """Rows of instruction, input and output."""

    home: ClassVar = "https://github.com/CMKRG/QiZhenGPT"
    licence: ClassVar = Licence("GPL-3.0", commercial=False, terms="The README allows academic use only.")
    size: ClassVar = "20,000 rows"
    verified: ClassVar = False
    task: ClassVar = "medical"
