"""DPO-zh-en-emoji: a lively Chinese answer with emoji over an English one to the same Chinese question.

Home: https://huggingface.co/datasets/shareAI/DPO-zh-en-emoji.
Licence: not stated where the project could read it.
Size: about 2,400 pairs.
Schema: {question, answer_zh, answer_en}: the Chinese answer is the chosen one. As the two differ in their
language, a model may learn to tell languages apart, and little else: see `lint_preferences`. Emoji are followed
by U+FE0F, which asks for the coloured form of a sign; it is taken off, for tokenizers break at it.

>>> source = DpoZhEnEmoji(files=["."])
>>> record = source.record(Row("0_dpo_loji.jsonl:1", {
...     "question": "晴天叫什么？", "answer_zh": "叫大晴天☀\ufe0f！", "answer_en": "A sunny day☀\ufe0f!"
... }))
>>> record.chosen, record.rejected
('叫大晴天☀！', 'A sunny day☀!')
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message
from zhiyin.records.licence import Licence

COLOURED = "\ufe0f"
"""The variation selector that asks for the coloured form of the sign before it."""


class DpoZhEnEmoji(PairRows, Source):
    """Rows of a question with an answer in each of two languages."""

    home: ClassVar = "https://huggingface.co/datasets/shareAI/DPO-zh-en-emoji"
    hub_id: ClassVar = "shareAI/DPO-zh-en-emoji"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "about 2,400 pairs"
    verified: ClassVar = True
    expects: ClassVar = ("question", "answer_zh", "answer_en")

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the Chinese answer as the chosen one."""
        asked, chosen, rejected = (
            text_field(row, name).replace(COLOURED, "") for name in ("question", "answer_zh", "answer_en")
        )
        return Pair([Message("user", asked)], chosen, rejected)
