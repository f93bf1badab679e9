"""Instruction data in the form of Stanford Alpaca.

Home: https://github.com/tatsu-lab/stanford_alpaca, and every data set in its form: BELLE, alpaca-gpt4-zh, Huatuo, ...
Licence: each data set has its own, say it in `licence`; Stanford Alpaca's and its translations' is CC BY-NC 4.0.
Size: 52,002 rows (Stanford), 0.5 to 2 million (BELLE).
Schema: {instruction, input, output} and, in LLaMA-Factory's extension, {system, history: [[question, answer], ...]}.
A filled `input` follows the instruction on a new line, as LLaMA-Factory joins them, or is kept apart from it.

>>> source = AlpacaJson(files=["."], label="alpaca_zh")
>>> record = source.record(
...     Row("zh.json:3", {"instruction": "把下面的词翻译成英语。", "input": "知音", "output": "a close friend"})
... )
>>> record.id
'alpaca_zh/zh.json:3'
>>> [(message.role, message.content) for message in record.messages]
[('user', '把下面的词翻译成英语。\\n知音'), ('assistant', 'a close friend')]
>>> apart = AlpacaJson(files=["."], separate_input=True).record(
...     Row("zh.json:3", {"instruction": "把下面的词翻译成英语。", "input": "知音", "output": "a close friend"})
... )
>>> [message.role for message in apart.messages]
['system', 'user', 'assistant']
"""

from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.alpaca import ALPACA, question
from zhiyin.data.files import AnyFiles
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message


class AlpacaJson(AnyFiles, Source):
    """Rows of instruction, input and output."""

    yields: ClassVar = ConversationSet
    home: ClassVar = "https://github.com/tatsu-lab/stanford_alpaca"
    size: ClassVar = "52,002 rows (Stanford), 0.5 to 2 million (BELLE)"
    verified: ClassVar = True
    expects: ClassVar = ("instruction", "output")
    optional: ClassVar = ("input", "system", "history")

    separate_input: bool = False
    """Make the instruction of a filled `input` the system turn, and the input the user's, for Alpaca's templates."""

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation; its history comes first."""
        asked = question(row.value, ALPACA)
        if self.separate_input:
            instruction, addition = text_field(row.value, "instruction"), text_field(row.value, "input", "")
            asked = _apart(asked, instruction, addition) if instruction.strip() and addition.strip() else asked
        answer = Message("assistant", text_field(row.value, "output"))
        return Conversation(self.identify(row), conversation([*asked, answer]), self.data_set, self.kind)


def _apart(asked: list[Message], instruction: str, addition: str) -> list[Message]:
    """Return a question whose system turn is the instruction, which must be the first and only one."""
    before = asked[:-1]
    if any(message.role != "system" for message in before):
        raise BadRow("an input kept apart stands in the first turn; this row has a history")
    if any(message.content.strip() for message in before):
        raise BadRow("an input kept apart makes the instruction the system turn; this row has a system text as well")
    return [Message("system", instruction), Message("user", addition)]
