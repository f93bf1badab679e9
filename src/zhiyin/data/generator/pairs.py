"""Pairs of a right, brief answer and a worse one: wrong, rambling, or both."""

import random
from collections.abc import Iterator

from zhiyin.data.generator.fact import Part
from zhiyin.data.generator.questions import rambling, select, terse
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.preference import Preference

SOURCE = "generated_preferences"

FAULTS = {"wrong": 0.4, "rambling": 0.4, "wrong and rambling": 0.2}
"""What the rejected answer does badly, and the share of the pairs in which it does."""


def preferences(part: Part, count: int, seed: int) -> Iterator[Preference]:
    """Yield that many pairs; raises `ValueError` when there are fewer questions."""
    for asked in select(part, count, seed):
        rng = random.Random(f"pair/{seed}/{asked.id}")
        fault = rng.choices(list(FAULTS), weights=list(FAULTS.values()))[0]
        answer = asked.fact.answer if fault == "rambling" else rng.choice(asked.fact.wrong)
        rejected = terse(answer) if fault == "wrong" else rambling(asked, answer, rng)
        meta: Meta = {"fault": fault, "fact": asked.fact.key, "answer": asked.fact.answer, "unseen": asked.fact.unseen}
        prompt = (Message("user", asked.question),)
        yield Preference(asked.id, prompt, terse(asked.fact.answer), rejected, SOURCE, asked.fact.kind, meta)
