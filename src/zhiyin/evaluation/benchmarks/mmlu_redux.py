"""MMLU-Redux: MMLU questions whose answers were checked by people, asked for reasoning and a letter in JSON."""

from collections.abc import Iterator
from typing import ClassVar

from msgspec import Struct
from pydantic import Field

from zhiyin.evaluation import zero_eval
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.exam import Exam
from zhiyin.evaluation.extract import LETTERS
from zhiyin.execution.config import InputPath
from zhiyin.records import jsonl
from zhiyin.records.conversation import Message, Meta
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


class Row(Struct, frozen=True):
    """A line of the file, with the fields of edinburgh-dawg/mmlu-redux-2.0."""

    question: str
    choices: tuple[str, ...]
    answer: int | str
    """The place of the right choice from 0, or its letter."""
    subject: str = ""
    error_type: str = "ok"
    """What the checkers found wrong with the question; `ok` for nothing."""
    correct_answer: int | str | None = None
    """What the checkers put in the place of a wrong key."""


class MmluRedux(Exam, Benchmark):
    """ZeroEval's protocol: no shots, a chat turn, greedy; right when the answer is the letter or names it as `C)`.

    Asked are the questions the checkers found nothing wrong with, and those whose key they replaced. The field names
    are those of the public data set, which was not at hand: only written examples have been read so far.
    """

    partial: ClassVar = frozenset({"reasoning_characters"})

    file: InputPath
    """JSON lines of `question`, `choices`, `answer`, `subject`, `error_type`, `correct_answer`."""
    limit: int | None = Field(default=None, ge=1)
    """Ask the first questions only, this many."""
    chance: float | None = 0.25
    """The accuracy of guessing."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the questions in the order of the file; ids are `mmlu_redux/line from 0`, groups are subjects."""
        asked = 0
        for number, row in enumerate(jsonl.read(self.file, Row)):
            key = row.correct_answer if row.error_type == "wrong_groundtruth" else row.answer
            if row.error_type not in ("ok", "wrong_groundtruth") or key in (None, ""):
                continue
            if asked == self.limit:
                return
            asked += 1
            where = f"{self.file}:{number + 1}"
            if len(row.choices) != len(LETTERS):
                raise ValueError(f"{where}: expected {len(LETTERS)} choices, found {len(row.choices)}")
            turns = (Message("user", zero_eval.asked(row.question, row.choices)),)
            group = row.subject or "mmlu_redux"
            meta: Meta = {"question": row.question, "options": list(row.choices)}
            yield Prompt(f"mmlu_redux/{number}", turns, reference=_letter(key, where), group=group, meta=meta)

    def names(self, prompt: Prompt) -> tuple[str, ...]:
        """Return the letters."""
        return LETTERS

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield `accuracy`, the lengths, and `stopped`; an answer that names no letter is wrong and unanswered."""
        found = zero_eval.read(completion.text)
        read = zero_eval.letter(found.get("answer", ""))
        name, group = prompt.id, prompt.group
        yield Mark(name, "accuracy", float(read == prompt.reference), extracted=read, group=group)
        if read is not None:
            reasoning = found.get("reasoning", "")
            yield Mark(name, "reasoning_characters", float(len(reasoning)), extracted=reasoning, group=group)
        length = float(len(completion.text))
        yield Mark(name, "characters", length, extracted=completion.text, group=group)
        stopped = float(completion.stopped == "stop")
        yield Mark(name, "stopped", stopped, extracted=completion.stopped, group=group)


def _letter(key: int | str | None, where: str) -> str:
    """Return the right letter; raises `ValueError` for a key that is neither a place nor a letter."""
    if isinstance(key, str) and key.isdigit():
        key = int(key)
    if isinstance(key, int) and 0 <= key < len(LETTERS):
        return LETTERS[key]
    if key in LETTERS:
        return str(key)
    raise ValueError(f"{where}: the answer must be a place from 0 to 3 or a letter A to D, not {key!r}")
