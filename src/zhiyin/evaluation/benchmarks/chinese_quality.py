"""What a judge is not needed for: whether answers stay Chinese, simplified, to the point, and end where they should."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from pydantic import Field

from zhiyin.artifacts import ConversationSet
from zhiyin.evaluation import quality
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark
from zhiyin.text.manner import refuses, runs_on


class ChineseQuality(Benchmark):
    """The turns of held-out conversations up to their last answer, which the model writes anew.

    Shares over all answers, each the better the lower: `other_language` (the part of an answer that is not in the
    language of its question), `traditional` (the part of its Han characters that simplified Chinese writes
    otherwise), `repetition` (the part of its pieces of eight characters that stood in it before), `ran_on` (it goes
    on past its end), `refused`. Beside them `stopped`, and `characters`, its length.
    """

    needs: ClassVar = (ConversationSet,)

    limit: int | None = Field(default=None, ge=1)
    """Ask for the first conversations only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield one prompt for each record, under its id; groups are the records' kinds."""
        if not isinstance(records, ConversationSet):
            raise TypeError(f"chinese_quality reads a ConversationSet, not {records!r}")
        for record in islice(records, self.limit):
            asked = max((place for place, one in enumerate(record.messages) if one.role == "user"), default=-1)
            if asked < 0:
                raise ValueError(f"record {record.id}: there is no user turn to answer")
            yield Prompt(id=record.id, messages=record.messages[: asked + 1], group=record.kind)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield every measure; an answer that was never generated is an error, an empty one is not."""
        if not completion.stopped:
            raise ValueError(f"prompt {prompt.id}: no answer was generated; answer it again")
        question, text = prompt.messages[-1].content, completion.text
        found = {
            "other_language": quality.other_language(question, text),
            "traditional": quality.traditional(text),
            "repetition": quality.repetition(text),
            "ran_on": float(runs_on(text)),
            "refused": float(refuses(text)),
            "stopped": float(completion.stopped == "stop"),
            "characters": float(len(text)),
        }
        for measure, value in found.items():
            yield Mark(prompt.id, measure, value, extracted=text, group=prompt.group)
