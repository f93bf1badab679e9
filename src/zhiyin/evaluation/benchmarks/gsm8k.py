"""GSM8K: 1,319 word problems of grade-school arithmetic, in English; what a Chinese expert must not forget."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from msgspec import Struct
from pydantic import Field

from zhiyin.evaluation import zero_eval
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.gsm8k_shots import SHOTS
from zhiyin.execution.config import InputPath
from zhiyin.records import jsonl
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

TURN = "Q:"
"""Where lm-eval cuts an answer off: the model has begun a question of its own."""
_STATED = re.compile(r"The answer is (-?[0-9.,]+).")
_NUMBERS = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")


class Row(Struct, frozen=True):
    """A line of the file; the number stands behind `####` at the end of the answer."""

    question: str
    answer: str


class Gsm8k(Benchmark):
    """Two protocols, whose prompts, readings and lengths differ.

    `zeroeval`: no shots, a chat turn that asks for reasoning and answer in JSON (WildEval/ZeroEval); the first number
    of `answer`, compared as floats. `reasoning_characters` is the length ZeroEval reports: that of `reasoning`, over
    the answers that could be read. It generates greedily, at most 4,096 tokens.
    `harness_cot`: lm-eval's `gsm8k_cot` (version 3): eight worked examples in raw text, greedy, cut at `Q:`.
    `accuracy` is its strict match (`The answer is N.`), `flexible_accuracy` takes the last number instead.
    """

    partial: ClassVar = frozenset({"reasoning_characters"})

    file: InputPath
    """`test.jsonl` of openai/grade-school-math: lines of `question` and `answer`."""
    protocol: Literal["zeroeval", "harness_cot"] = "zeroeval"
    """How the questions are asked and read."""
    limit: int | None = Field(default=None, ge=1)
    """Ask the first questions only, this many."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the questions in the order of the file; ids are `gsm8k/line from 0`."""
        for number, row in enumerate(jsonl.read(self.file, Row)):
            if number == self.limit:
                return
            _, cut, right = row.answer.rpartition("####")
            reference = right.strip().replace(",", "")
            if not cut or zero_eval.number(reference) is None:
                raise ValueError(f"{self.file}:{number + 1}: the answer does not end in `#### number`: {row.answer!r}")
            name, group = f"gsm8k/{number}", "gsm8k"
            meta: Meta = {"question": row.question}
            if self.protocol == "zeroeval":
                turns = (Message("user", zero_eval.asked(row.question)),)
                yield Prompt(name, messages=turns, reference=reference, group=group, meta=meta)
            else:
                shots = "".join(f"{TURN} {question}\nA: {answer}\n\n" for question, answer in SHOTS)
                text = f"{shots}{TURN} {row.question}\nA:"
                yield Prompt(name, text=text, reference=reference, group=group, meta=meta)

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `accuracy`, the lengths, and `stopped`; an answer without a number is wrong and unanswered."""
        name, group = prompt.id, prompt.group
        if self.protocol == "zeroeval":
            found = zero_eval.read(completion.text)
            number = zero_eval.number(found.get("answer", ""))
            right = number is not None and number == float(prompt.reference)
            read = None if number is None else found["answer"]
            yield Mark(name, "accuracy", float(right), extracted=read, group=group)
            if number is not None:
                reasoning = found.get("reasoning", "")
                yield Mark(name, "reasoning_characters", float(len(reasoning)), extracted=reasoning, group=group)
            text, ended = completion.text, completion.stopped == "stop"
        else:
            text, cut, _ = completion.text.partition(TURN)
            ended = bool(cut) or completion.stopped == "stop"
            for measure, read in (("accuracy", _strict(text)), ("flexible_accuracy", _last(text))):
                right = read is not None and _bare(read) == _bare(prompt.reference)
                yield Mark(name, measure, float(right), extracted=read, group=group)
        yield Mark(name, "characters", float(len(text)), extracted=text, group=group)
        yield Mark(name, "stopped", float(ended), extracted=completion.stopped, group=group)


def _strict(text: str) -> str | None:
    found = _STATED.search(text)
    return found.group(1) if found else None


def _last(text: str) -> str | None:
    found = _NUMBERS.findall(text)
    return found[-1] if found else None


def _bare(number: str) -> str:
    """Return a number as lm-eval's exact match compares it: without `,`, `$` and a full stop at the end."""
    return re.sub(r"\.$", "", number.replace(",", "").replace("$", "")).lower()
