"""Instruction data in the form of Stanford Alpaca.

Home: https://github.com/tatsu-lab/stanford_alpaca, and every data set in its form: BELLE, alpaca-gpt4-zh, Huatuo, ...
Licence: each data set has its own; Stanford Alpaca's and its translations' is CC BY-NC 4.0 (not for commercial use).
Size: 52,002 rows (Stanford), 0.5 to 2 million (BELLE).
Schema: {instruction, input, output} and, in LLaMA-Factory's extension, {system, history: [[question, answer], ...]}.
A filled `input` follows the instruction on a new line, as LLaMA-Factory joins them.

>>> source = AlpacaJson(files=["."], label="alpaca_zh")
>>> record = source.record(
...     Row("zh.json:3", {"instruction": "把下面的词翻译成英语。", "input": "知音", "output": "a close friend"})
... )
>>> record.id
'alpaca_zh/zh.json:3'
>>> [(message.role, message.content) for message in record.messages]
[('user', '把下面的词翻译成英语。\\n知音'), ('assistant', 'a close friend')]
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

    def record(self, row: Row) -> Conversation:
        """Return the row as a conversation; its history comes first."""
        found = (*_before(row), *_question_and_answer(row))
        return Conversation(self.identify(row), conversation(found), self.data_set, self.kind)


def _question_and_answer(row: Row) -> tuple[Message, Message]:
    instruction = text_field(row.value, "instruction")
    addition = text_field(row.value, "input", "")
    question = "\n".join(part for part in (instruction, addition) if part.strip())
    return Message("user", question), Message("assistant", text_field(row.value, "output"))


def _before(row: Row) -> Iterator[Message]:
    """Yield the system turn and the earlier turns, where there are any."""
    if system := text_field(row.value, "system", ""):
        yield Message("system", system)
    for pair in row.value.get("history") or ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise BadRow("the history is not a list of [question, answer]")
        yield Message("user", pair[0])
        yield Message("assistant", pair[1])
