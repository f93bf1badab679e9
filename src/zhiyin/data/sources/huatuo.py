"""Huatuo (BenTsao): medical questions and answers from a knowledge graph, and dialogues on the literature.

Home: https://github.com/SCIR-HI/Huatuo-Llama-Med-Chinese.
Licence: Apache-2.0; the README allows academic use only, and no commercial use.
Size: 8,658 rows of `data/llama_data.json`, 1,000 dialogues of `data-literature/liver_cancer.json`.
Schema: {instruction, input, output}. `llama_data.json` is JSON lines for all its name, and its `input` is empty;
`liver_cancer.json` is an array, and its `instruction` a dialogue: ` <user>: ... <bot>: ... <user>: ...`.

>>> source = Huatuo(files=["."])
>>> record = source.record(Row("liver_cancer.json:1", {
...     "instruction": " <user>: 肝癌的病因？ <bot>: 病毒。 <user>: 怎么治？", "input": "", "output": "手术等。"}))
>>> [(turn.role, turn.content) for turn in record.messages][1:]
[('assistant', '病毒。'), ('user', '怎么治？'), ('assistant', '手术等。')]
"""

from collections.abc import Mapping
from typing import ClassVar

from zhiyin.data.exchanges import Exchange, InstructionRows
from zhiyin.data.marked import split
from zhiyin.data.rows import BadRow
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.records.conversation import Message, Role
from zhiyin.records.licence import Licence

MARKS: Mapping[str, Role] = {"<user>:": "user", "<bot>:": "assistant"}


class Huatuo(InstructionRows, Source):
    """Rows of instruction and output; the instruction may be a dialogue."""

    home: ClassVar = "https://github.com/SCIR-HI/Huatuo-Llama-Med-Chinese"
    licence: ClassVar = Licence("Apache-2.0", commercial=False, terms="The README allows academic use only.")
    size: ClassVar = "8,658 rows"
    verified: ClassVar = True
    task: ClassVar = "medical"

    def asked(self, found: Exchange) -> list[Message]:
        """Return the turns of a marked dialogue, or what a plain row asks."""
        if not any(mark in found.question for mark in MARKS):
            return super().asked(found)
        before, turns = split(found.question, MARKS)
        if before or found.addition.strip():
            raise BadRow("text outside the turns of a dialogue")
        return turns
