"""UltraFeedback binarised: the best of four models' answers, as GPT-4 marked them, over one of the others.

Home: https://huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized.
Licence: MIT.
Size: 61,135 pairs to train on and 2,000 to test, in English.
Schema: Parquet of {prompt, prompt_id, chosen: [{role, content}], rejected: [{role, content}], messages, score_chosen,
score_rejected}. The pairs are in `train_prefs-*` and `test_prefs-*`; the same prompts are there once more for other
uses (`*_sft`, `*_gen`), so of a folder `train_prefs-*` alone is read unless `pattern` says otherwise. Some pairs have
equal scores; how far apart the two are is kept as `margin`.

>>> source = UltrafeedbackBinarized(files=["."])
>>> asked = {"role": "user", "content": "Is water wet?"}
>>> record = source.record(Row("train_prefs-0.parquet:1", {
...     "prompt": "Is water wet?", "score_chosen": 8.5, "score_rejected": 6.0,
...     "chosen": [asked, {"role": "assistant", "content": "Yes."}],
...     "rejected": [asked, {"role": "assistant", "content": "No."}],
... }))
>>> record.prompt[0].content, record.chosen, record.rejected, record.meta
('Is water wet?', 'Yes.', 'No.', {'margin': 2.5})
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows, margin, pair_in
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message
from zhiyin.records.licence import Licence


class UltrafeedbackBinarized(PairRows, Source):
    """Rows of a prompt with two answers and their scores."""

    usual: ClassVar = ("train_prefs-*",)
    home: ClassVar = "https://huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized"
    hub_id: ClassVar = "HuggingFaceH4/ultrafeedback_binarized"
    licence: ClassVar = Licence("MIT", commercial=True, terms="Marked by GPT-4; OpenAI has terms on such texts.")
    size: ClassVar = "61,135 pairs to train on and 2,000 to test"
    verified: ClassVar = True
    expects: ClassVar = ("prompt", "chosen", "rejected")
    optional: ClassVar = ("score_chosen", "score_rejected")

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the prompt, which both answers must repeat."""
        scores = margin(row.get("score_chosen"), row.get("score_rejected"))
        return pair_in(row, [Message("user", text_field(row, "prompt"))], meta=scores)
