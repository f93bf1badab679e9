"""DPO-En-Zh-20k: pairs in English and in Chinese, put together from other sets and cut to their best.

Home: https://huggingface.co/datasets/hiyouga/DPO-En-Zh-20k, `dpo_en.json` and `dpo_zh.json`.
Licence: Apache-2.0.
Size: 10,000 pairs in English (Capybara, orca, UltraFeedback), 10,000 in Chinese (Chinese-dpo-pairs).
Schema: {conversations: [{from: human/gpt/system, value}], chosen: {from, value}, rejected: {from, value}}; the
conversation may have several turns, and ends with the human's.

>>> source = DpoEnZh20k(files=["."])
>>> record = source.record(Row("dpo_zh.json:1", {
...     "conversations": [{"from": "human", "value": "一加一等于几？"}],
...     "chosen": {"from": "gpt", "value": "二。"}, "rejected": {"from": "gpt", "value": "三。"},
... }))
>>> record.prompt[0].content, record.chosen, record.rejected
('一加一等于几？', '二。', '三。')
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows, pair_in
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import messages, text_field
from zhiyin.records.licence import Licence


class DpoEnZh20k(PairRows, Source):
    """Rows of a conversation and two replies to it."""

    home: ClassVar = "https://huggingface.co/datasets/hiyouga/DPO-En-Zh-20k"
    hub_id: ClassVar = "hiyouga/DPO-En-Zh-20k"
    licence: ClassVar = Licence(
        "Apache-2.0", commercial=True, terms="Put together from sets with licences of their own."
    )
    size: ClassVar = "10,000 pairs in English (Capybara, orca, UltraFeedback), 10,000 in Chinese (Chinese-dpo-pairs)"
    verified: ClassVar = True
    expects: ClassVar = ("conversations", "chosen", "rejected")
    optional: ClassVar = ("system",)

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the conversation as the prompt."""
        return pair_in(row, messages(row.get("conversations")), text_field(row, "system", ""))
