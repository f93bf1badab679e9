"""Translations of held-out pairs, scored by BLEU and chrF as sacrebleu computes them."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.evaluation import corpus
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark
from zhiyin.text.language import is_chinese

TO_CHINESE, FROM_CHINESE = "to Chinese", "from Chinese"


class Translation(Benchmark):
    """Conversations whose last answer is a translation: the model writes it anew, and is compared with it.

    `bleu` (sacrebleu's, tokenised `zh` into Chinese and `13a` out of it) and `chrf` (chrF2) are of all answers
    together, not means over answers, and their intervals resample whole answers. The groups are the two directions;
    the score of the whole mixes them, which is fit for comparing models alone.
    """

    needs: ClassVar = (ConversationSet,)

    limit: int | None = Field(default=None, ge=1)
    """Ask for the first pairs only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield one prompt for each record, under its id."""
        if not isinstance(records, ConversationSet):
            raise TypeError(f"translation reads a ConversationSet, not {records!r}")
        for record in islice(records, self.limit):
            *before, last = record.messages or (None,)
            if last is None or last.role != "assistant" or not last.content.strip() or not before:
                raise ValueError(f"record {record.id}: it must end in an answer that is not empty, the translation")
            group = TO_CHINESE if is_chinese(last.content) else FROM_CHINESE
            yield Prompt(id=record.id, messages=tuple(before), reference=last.content, group=group)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `bleu` and `chrf` with their counts; the value of a mark is the score of this answer alone."""
        if not completion.stopped:
            raise ValueError(f"prompt {prompt.id}: no answer was generated; answer it again")
        text = completion.text
        tokenizer: corpus.Tokenizer = "zh" if prompt.group == TO_CHINESE else "13a"
        counts = {
            "bleu": corpus.bleu_counts(text, prompt.reference, tokenizer),
            "chrf": corpus.chrf_counts(text, prompt.reference),
        }
        for measure, found in counts.items():
            value = float(corpus.STATISTICS[measure](np.array(found)))
            yield Mark(prompt.id, measure, value, extracted=text, group=prompt.group, counts=found)
        yield Mark(prompt.id, "characters", float(len(text)), extracted=text, group=prompt.group)
