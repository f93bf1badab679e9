"""Orca DPO pairs: answers of GPT-4 and ChatGPT to tasks of OpenOrca over answers of a Llama 2.

Home: https://huggingface.co/datasets/Intel/orca_dpo_pairs, `orca_rlhf.jsonl`.
Licence: Apache-2.0.
Size: 12,859 pairs in English.
Schema: {system, question, chosen, rejected}, all texts; an empty `system` makes no turn. The chosen answer is that of
the larger model, though not always the better one.

>>> source = OrcaDpoPairs(files=["."])
>>> record = source.record(Row("orca_rlhf.jsonl:1", {
...     "system": "Answer briefly.", "question": "Is water wet?", "chosen": "Yes.", "rejected": "Water is a liquid."
... }))
>>> [(turn.role, turn.content) for turn in record.prompt]
[('system', 'Answer briefly.'), ('user', 'Is water wet?')]
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows, pair_in
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message
from zhiyin.records.licence import Licence


class OrcaDpoPairs(PairRows, Source):
    """Rows of a question and two answers, under a system prompt."""

    home: ClassVar = "https://huggingface.co/datasets/Intel/orca_dpo_pairs"
    hub_id: ClassVar = "Intel/orca_dpo_pairs"
    licence: ClassVar = Licence(
        "Apache-2.0",
        commercial=True,
        terms="The chosen answers are GPT-4's and ChatGPT's; OpenAI has terms on their use.",
    )
    size: ClassVar = "12,859 pairs"
    verified: ClassVar = True
    expects: ClassVar = ("question", "chosen", "rejected")
    optional: ClassVar = ("system",)

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the question under its system prompt."""
        return pair_in(row, [Message("user", text_field(row, "question"))], text_field(row, "system", ""))
