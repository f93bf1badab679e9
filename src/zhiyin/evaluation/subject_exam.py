"""What exams in folders share: a file for each subject and split, and averages over categories of subjects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

from pydantic import field_validator, model_validator

from zhiyin.evaluation.exam import Category
from zhiyin.evaluation.letter_exam import LetterExam, Paper
from zhiyin.evaluation.protocols import llamafactory
from zhiyin.evaluation.protocols.item import ExamName
from zhiyin.evaluation.questions import Layout, Question, read
from zhiyin.evaluation.subjects import CHINA_SPECIFIC, HARD, Subject
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import InputPath


class SubjectExam(LetterExam):
    """An exam of many subjects; mixed into a `Benchmark`, which names its table, its files and its splits."""

    exam: ClassVar[ExamName]
    """Whose wording is used."""
    layout: ClassVar[Layout]
    """What its files hold."""
    table: ClassVar[tuple[Subject, ...]]
    """Its subjects."""

    folder: InputPath
    """The benchmark's `data` folder, with a folder for each split and in it a CSV file for each subject."""
    subjects: tuple[str, ...] = ()
    """The subjects to ask; all when empty."""
    split: str
    """The questions asked."""

    @field_validator("subjects")
    @classmethod
    def _known(cls, subjects: tuple[str, ...]) -> tuple[str, ...]:
        known = tuple(subject.name for subject in cls.table)
        for name in subjects:
            if name not in known:
                all_of_them = f"`subjects: []` asks all {len(known)}"
                raise ValueError(f"{cls.layout.exam} has no subject {name!r}{nearest(name, known)}; {all_of_them}")
        if len(set(subjects)) != len(subjects):
            raise ValueError("a subject is named twice")
        return subjects

    @model_validator(mode="after")
    def _no_leak(self) -> Self:
        if self.split == "dev" and self.shots:
            raise ValueError("the shots come from dev, so questions of dev can only be asked with `shots: 0`")
        return self

    @abstractmethod
    def file(self, split: str, subject: str) -> Path:
        """Return the file of one subject."""

    def wording_of(self) -> ExamName:
        """Return the exam itself."""
        return self.exam

    def papers(self) -> Iterator[Paper]:
        """Yield the subjects asked, in the order of the table.

        Raises `FileNotFoundError` for a subject without its file. The protocol of LLaMA-Factory draws shots by the
        number of questions that a run of all subjects asks before, so with shots it needs the files of all of them.
        """
        before = self._asked_before() if self.draws_shots else {}
        for subject in self._chosen():
            examples = self._questions("dev", subject.name) if self.shots else []
            yield Paper(
                group=subject.name,
                subject=subject.chinese,
                place=f"{subject.name}/{self.split}",
                questions=self._questions(self.split, subject.name),
                examples=examples,
                before=before.get(subject.name, 0),
            )

    def categories(self) -> tuple[Category, ...]:
        """Return the official categories, with those of their subjects that are asked."""
        members: dict[str, list[str]] = {}
        for subject in self._chosen():
            members.setdefault(self.category(subject), []).append(subject.name)
        found = [Category(name, tuple(groups)) for name, groups in sorted(members.items())]
        for name, special in (
            (CHINA_SPECIFIC, [one.name for one in self._chosen() if one.china_specific]),
            (HARD, [one.name for one in self._chosen() if one.hard]),
        ):
            found += [Category(name, tuple(special), overlapping=True)] if special else []
        return tuple(found)

    def category(self, subject: Subject) -> str:
        """Return the category a subject is averaged in."""
        return subject.category

    def _chosen(self) -> tuple[Subject, ...]:
        return tuple(subject for subject in self.table if not self.subjects or subject.name in self.subjects)

    def _questions(self, split: str, subject: str) -> list[Question]:
        return read(self.file(split, subject), self.layout)

    def _asked_before(self) -> dict[str, int]:
        """Return for each subject how many questions LLaMA-Factory asks before it."""
        found: dict[str, int] = {}
        before = 0
        for name in llamafactory.order(self.exam, [subject.name for subject in self.table]):
            found[name] = before
            before += len(self._questions(self.split, name))
        return found
