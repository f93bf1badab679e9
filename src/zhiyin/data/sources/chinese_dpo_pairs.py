"""Chinese DPO pairs: pairs of several English sets, translated by GPT-3.5.

Home: https://huggingface.co/datasets/wenbopan/Chinese-dpo-pairs.
Licence: MIT.
Size: 10,735 pairs in Chinese.
Schema: {prompt, system, chosen, rejected, source, id}, all texts; an empty `system` makes no turn. `source` is the set
that the pair was translated from, and is kept as the kind.

>>> source = ChineseDpoPairs(files=["."])
>>> record = source.record(Row("train.parquet:1", {
...     "prompt": "一加一等于几？", "system": "", "chosen": "二。", "rejected": "三。", "source": "orca", "id": "7"
... }))
>>> record.prompt[0].content, record.chosen, record.rejected, record.kind
('一加一等于几？', '二。', '三。', 'orca')
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows, pair_in
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message
from zhiyin.records.licence import Licence


class ChineseDpoPairs(PairRows, Source):
    """Rows of a prompt and two answers, under a system prompt."""

    home: ClassVar = "https://huggingface.co/datasets/wenbopan/Chinese-dpo-pairs"
    hub_id: ClassVar = "wenbopan/Chinese-dpo-pairs"
    licence: ClassVar = Licence("MIT", commercial=True, terms="Translated by GPT-3.5; OpenAI has terms on such texts.")
    size: ClassVar = "10,735 pairs"
    verified: ClassVar = True
    expects: ClassVar = ("prompt", "chosen", "rejected")
    optional: ClassVar = ("system", "source")

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the prompt under its system prompt."""
        return pair_in(row, [Message("user", text_field(row, "prompt"))], text_field(row, "system", ""))

    def kind_of(self, row: Mapping[str, Any]) -> str:
        """Return the set that the pair was translated from."""
        return text_field(row, "source", "")
