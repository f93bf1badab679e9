"""Preference pairs in the form of LLaMA-Factory, or of TRL.

Home: https://huggingface.co/docs/trl/dataset_formats, and https://github.com/hiyouga/LLaMA-Factory.
Licence: each data set has its own; say it in `licence`.
Size: any.
Schema: the prompt as {conversations: [{from, value}]}, {prompt: text or messages}, {question} or {instruction, input},
with {system} if need be; then {chosen, rejected}, each a text, a message, or messages whose last one is the answer and
whose others are the prompt. {chosen_messages, rejected_messages} is read as the latter.

>>> source = PreferenceJson(files=["."])
>>> record = source.record(Row("dpo.json:1", {
...     "conversations": [{"from": "human", "value": "一加一等于几？"}],
...     "chosen": {"from": "gpt", "value": "二。"}, "rejected": {"from": "gpt", "value": "三。"},
... }))
>>> record.prompt[0].content, record.chosen, record.rejected
('一加一等于几？', '二。', '三。')
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.files import AnyFiles
from zhiyin.data.preferences import Pair, PairRows, pair_in
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import joined, messages, text_field
from zhiyin.records.conversation import Message


class PreferenceJson(AnyFiles, PairRows, Source):
    """Rows of a prompt, a chosen and a rejected answer."""

    home: ClassVar = "https://huggingface.co/docs/trl/dataset_formats"
    size: ClassVar = "any"
    verified: ClassVar = True
    expects: ClassVar = ("chosen|chosen_messages", "rejected|rejected_messages")
    optional: ClassVar = ("conversations", "prompt", "question", "instruction", "input", "system")

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read a row in any of the forms."""
        names = _named(row, "chosen"), _named(row, "rejected")
        return pair_in(row, _asked(row), text_field(row, "system", ""), names)

    def kind_of(self, row: Mapping[str, Any]) -> str:
        """Return the kind that the recipe gives."""
        return self.kind


def _named(row: Mapping[str, Any], name: str) -> str:
    return name if row.get(f"{name}_messages") is None else f"{name}_messages"


def _asked(row: Mapping[str, Any]) -> list[Message]:
    for name in ("conversations", "prompt"):
        if isinstance(row.get(name), list):
            return messages(row[name])
    for name in ("prompt", "question", "instruction"):
        if row.get(name) is not None:
            return [Message("user", joined(text_field(row, name), text_field(row, "input", "")))]
    return []
