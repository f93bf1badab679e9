"""CMMLU: 67 subjects of Chinese knowledge, asked the way its authors do."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.evaluation.exam import Category, Exam
from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.subjects import CHINA_SPECIFIC, CMMLU, Subject
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import InputPath
from zhiyin.records.prompt import Prompt

HEADER = ["", "Question", "A", "B", "C", "D", "Answer"]


class Question(NamedTuple):
    """One row of a subject's file, nothing stripped: the official script strips nothing either."""

    text: str
    options: tuple[str, ...]
    answer: str


class Cmmlu(Exam, Benchmark):
    """The official protocol of haonan-li/CMMLU (`src/mp_utils.py`, `src/hf_causal_model.py`), zero- or few-shot.

    A raw prompt with the tokenizer's default BOS and no chat template; the first `shots` questions of `dev/`; the
    four bare letters compared right after `答案是：`; accuracy averaged over subjects. The official script drops the
    longest shots of a prompt above 2,048 tokens. None is that long (at most 815 Llama-3 tokens with 5 shots), so
    nothing is dropped here; a prompt that a model cannot hold is cut and counted as truncated.
    """

    average: ClassVar[Literal["micro", "macro"]] = "macro"

    chance: float | None = 0.25
    """The accuracy of guessing."""
    folder: InputPath
    """The benchmark's `data` folder: `dev/` and `test/` with `<subject>.csv` each."""
    shots: int = Field(default=0, ge=0)
    """Worked examples in front of each question: the first ones of `dev/`."""
    subjects: tuple[str, ...] = ()
    """The subjects to ask; all 67 when empty."""
    limit_per_subject: int | None = Field(default=None, ge=1)
    """Ask only the first questions of each subject, this many."""
    split: Literal["test", "dev"] = "test"
    """The questions asked: 11,582 of `test`, or the 335 of `dev`."""

    @field_validator("subjects")
    @classmethod
    def _known(cls, subjects: tuple[str, ...]) -> tuple[str, ...]:
        known = tuple(subject.name for subject in CMMLU)
        for name in subjects:
            if name not in known:
                raise ValueError(f"CMMLU has no subject {name!r}{nearest(name, known)}; `subjects: []` asks all 67")
        if len(set(subjects)) != len(subjects):
            raise ValueError("a subject is named twice")
        return subjects

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        if self.split == "dev" and self.shots:
            raise ValueError("the shots come from dev, so questions of dev can only be asked with `shots: 0`")
        return self

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        """Yield the questions, subject by subject in alphabetical order; ids are `subject/split/number from 0`."""
        for subject in self._asked():
            shots = _read(self.folder / "dev" / f"{subject.name}.csv") if self.shots else []
            if len(shots) < self.shots:
                raise ValueError(f"{subject.name}: {self.shots} shots wanted, dev has {len(shots)} questions")
            head = f"以下是关于{subject.chinese}的单项选择题，请直接给出正确答案的选项。\n\n"
            head += "".join(f"{_form(shot)}{shot.answer}\n\n" for shot in shots[: self.shots])
            questions = _read(self.folder / self.split / f"{subject.name}.csv")
            for number, question in enumerate(questions[: self.limit_per_subject]):
                yield Prompt(
                    id=f"{subject.name}/{self.split}/{number}",
                    text=head + _form(question),
                    choices=LETTERS,
                    reference=question.answer,
                    group=subject.name,
                )

    def categories(self) -> tuple[Category, ...]:
        """Return the five official categories, with those of their subjects that are asked."""
        members: dict[str, list[str]] = {}
        for subject in self._asked():
            members.setdefault(subject.category, []).append(subject.name)
        special = tuple(subject.name for subject in self._asked() if subject.china_specific)
        found = [Category(name, tuple(groups)) for name, groups in sorted(members.items())]
        return (*found, Category(CHINA_SPECIFIC, special, overlapping=True)) if special else tuple(found)

    def _asked(self) -> tuple[Subject, ...]:
        return tuple(subject for subject in CMMLU if not self.subjects or subject.name in self.subjects)


def _form(question: Question) -> str:
    """Return a question in the official form, up to the cue."""
    options = "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=True))
    return f"题目：{question.text}{options}\n答案是："


def _read(file: Path) -> list[Question]:
    """Read one subject; raises `ValueError` with file and row for anything but a full row of the known columns."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: CMMLU has a file for every subject in dev/ and in test/")
    questions = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines, strict=True)
        if (header := next(rows, None)) != HEADER:
            raise ValueError(f"{file}: expected the columns {HEADER}, found {header}")
        for row in rows:
            if len(row) != len(HEADER) or not all(row) or row[-1] not in LETTERS:
                raise ValueError(f"{file}:{rows.line_num}: expected a number, a question, A to D and its answer: {row}")
            questions.append(Question(row[1], tuple(row[2:6]), row[-1]))
    return questions
