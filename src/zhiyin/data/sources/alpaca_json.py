"""Instruction data in the form of Stanford Alpaca.

Home: https://github.com/tatsu-lab/stanford_alpaca, and every data set in its form: BELLE, alpaca-gpt4-zh, Huatuo, ...
Licence: each data set has its own; Stanford Alpaca's and its translations' is CC BY-NC 4.0 (not for commercial use).
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

from collections.abc import Iterator
from typing import ClassVar

from zhiyin.artifacts import ConversationSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import conversation, text_field
from zhiyin.records.conversation import Conversation, Message


class AlpacaJson(FileRows, Source):
    """Rows of instruction, input and output."""

    yields: ClassVar = ConversationSet

    kind: str = ""
    """The task or genre written into every record."""
    separate_input: bool = False
    """Make the instruction of a filled `input` the system turn, and the input the user's, for Alpaca's templates."""

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation; its history comes first."""
        before, instruction = tuple(_before(row)), text_field(row.value, "instruction")
        addition = text_field(row.value, "input", "")
        if self.separate_input and instruction.strip() and addition.strip():
            question = _apart(before, instruction, addition)
        else:
            joined = "\n".join(part for part in (instruction, addition) if part.strip())
            question = (*before, Message("user", joined))
        answer = Message("assistant", text_field(row.value, "output"))
        return Conversation(self.identify(row), conversation((*question, answer)), self.data_set, self.kind)


def _apart(before: tuple[Message, ...], instruction: str, addition: str) -> tuple[Message, ...]:
    """Return a question whose system turn is the instruction, which must be the first and only one."""
    if any(message.role != "system" for message in before):
        raise BadRow("an input kept apart stands in the first turn; this row has a history")
    if any(message.content.strip() for message in before):
        raise BadRow("an input kept apart makes the instruction the system turn; this row has a system text as well")
    return Message("system", instruction), Message("user", addition)


def _before(row: Row) -> Iterator[Message]:
    """Yield the system turn and the earlier turns, where there are any."""
    if system := text_field(row.value, "system", ""):
        yield Message("system", system)
    history = row.value.get("history") or []
    if not isinstance(history, list):
        raise BadRow("the history is not a list of [question, answer]")
    for pair in history:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise BadRow("the history is not a list of [question, answer]")
        yield Message("user", pair[0])
        yield Message("assistant", pair[1])
