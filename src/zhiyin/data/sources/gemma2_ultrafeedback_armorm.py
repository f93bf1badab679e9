"""Gemma2-UltraFeedback-ArmoRM: five answers of gemma-2-9b-it each, ranked by the reward model ArmoRM; SimPO's data.

Home: https://huggingface.co/datasets/princeton-nlp/gemma2-ultrafeedback-armorm.
Licence: MIT.
Size: 59,569 pairs to train on and 1,941 to test, in English.
Schema: Parquet of {prompt_id, prompt, all_generated_responses: [text; 5], all_rm_scores: [number; 5], chosen:
[{role, content}], rejected: [{role, content}]}: the best and the worst of the five, each behind the prompt. Where all
five are the same text, nothing is preferred. How far apart the two scores are is kept as `margin`.

>>> source = Gemma2UltrafeedbackArmorm(files=["."])
>>> asked = {"role": "user", "content": "Is water wet?"}
>>> record = source.record(Row("train.parquet:1", {
...     "prompt_id": "7", "prompt": "Is water wet?", "all_rm_scores": [0.12, 0.25, 0.19, 0.2, 0.2],
...     "chosen": [asked, {"role": "assistant", "content": "Yes."}],
...     "rejected": [asked, {"role": "assistant", "content": "No."}],
... }))
>>> record.prompt[0].content, record.chosen, record.rejected, record.meta
('Is water wet?', 'Yes.', 'No.', {'margin': 0.13})
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from zhiyin.data.preferences import Pair, PairRows, margin, pair_in
from zhiyin.data.rows import BadRow
from zhiyin.data.rows import Row as Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.licence import Licence


class Gemma2UltrafeedbackArmorm(PairRows, Source):
    """Rows of a prompt with the best and the worst of five answers."""

    home: ClassVar = "https://huggingface.co/datasets/princeton-nlp/gemma2-ultrafeedback-armorm"
    hub_id: ClassVar = "princeton-nlp/gemma2-ultrafeedback-armorm"
    licence: ClassVar = Licence(
        "MIT", commercial=True, terms="The answers are a Gemma's: Google's terms of Gemma hold."
    )
    size: ClassVar = "59,569 pairs to train on and 1,941 to test"
    verified: ClassVar = True
    expects: ClassVar = ("prompt", "chosen", "rejected")
    optional: ClassVar = ("all_rm_scores",)

    def pair(self, row: Mapping[str, Any]) -> Pair:
        """Read the prompt, which both answers must repeat."""
        return pair_in(row, [Message("user", text_field(row, "prompt"))], meta=_margin(row))


def _margin(row: Mapping[str, Any]) -> Meta:
    scores = row.get("all_rm_scores")
    if scores is None:
        return {}
    if not isinstance(scores, list) or not scores or not all(isinstance(one, int | float) for one in scores):
        raise BadRow("the scores are not a list of numbers")
    return margin(max(scores), min(scores))
