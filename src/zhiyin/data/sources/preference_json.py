"""Preference pairs in the form of LLaMA-Factory, or of TRL.

Home: https://huggingface.co/datasets/hiyouga/DPO-En-Zh-20k, and https://huggingface.co/docs/trl/dataset_formats.
Licence: each data set has its own; DPO-En-Zh-20k's is Apache-2.0.
Size: DPO-En-Zh-20k has 10,000 Chinese and 10,000 English pairs.
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

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.files import FileRows
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import absent, message, messages, question, text_field
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference


class PreferenceJson(FileRows, Source):
    """Rows of a prompt, a chosen and a rejected answer."""

    yields: ClassVar = PreferenceSet

    kind: str = ""
    """The task or genre written into every record."""

    def record(self, row: Row) -> Preference:
        """Return the row as a preference; two equal answers prefer nothing and are rejected."""
        before_chosen, chosen = _answer(row.value, "chosen")
        before_rejected, rejected = _answer(row.value, "rejected")
        if before_chosen != before_rejected:
            raise BadRow("chosen and rejected answer different prompts")
        if not chosen.strip() or not rejected.strip():
            raise BadRow("an empty answer")
        if chosen.strip() == rejected.strip():
            raise BadRow("chosen and rejected are the same text")
        prompt = question(_prompt(row.value, before_chosen))
        return Preference(self.identify(row), prompt, chosen, rejected, self.data_set, self.kind)


def _answer(row: Mapping[str, Any], name: str) -> tuple[list[Message], str]:
    """Return the turns that lie before an answer in its own field, and the answer."""
    value = row.get(name, row.get(f"{name}_messages"))
    if value is None:
        raise BadRow(absent(name, row))
    if isinstance(value, str):
        return [], value
    *before, last = messages(value) if isinstance(value, list) and value else [message(value)]
    if last.role != "assistant":
        raise BadRow(f"the {name} answer ends with a {last.role} turn")
    return before, last.content


def _prompt(row: Mapping[str, Any], before: list[Message]) -> list[Message]:
    """Return the prompt from its own field, or from the turns that lie before the answers.

    Where there are both, as in UltraFeedback, the field must repeat the last of those turns.
    """
    asked = _asked(row)
    if not before:
        if not asked:
            raise BadRow(f"no prompt; the row has {', '.join(row)}")
        found = asked
    elif not asked or asked[-1].content == before[-1].content:
        found = before
    else:
        raise BadRow("the prompt and the turns before the answers differ")
    system = text_field(row, "system", "")
    return [Message("system", system), *found] if system else found


def _asked(row: Mapping[str, Any]) -> list[Message]:
    for name in ("conversations", "prompt"):
        if isinstance(row.get(name), list):
            return messages(row[name])
    for name in ("prompt", "question", "instruction"):
        if row.get(name) is not None:
            parts = (text_field(row, name), text_field(row, "input", ""))
            return [Message("user", "\n".join(part for part in parts if part.strip()))]
    return []
