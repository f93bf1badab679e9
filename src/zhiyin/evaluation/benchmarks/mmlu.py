"""MMLU: 57 subjects of knowledge, in English."""

from pathlib import Path
from typing import ClassVar, Literal

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.protocols.item import ExamName
from zhiyin.evaluation.questions import MMLU_FILES, Layout
from zhiyin.evaluation.subject_exam import SubjectExam
from zhiyin.evaluation.subjects import MMLU, Subject


class Mmlu(SubjectExam, Benchmark):
    """hendrycks/test (arXiv 2009.03300): how much English a Chinese expert still knows.

    `folder` has `dev/`, `val/` and `test/` with `<subject>_<split>.csv` each, without a header. Cells are read as they
    stand; tools that read them with pandas see `nan` where an option is the word `None`.
    """

    exam: ClassVar[ExamName] = "mmlu"
    layout: ClassVar[Layout] = MMLU_FILES
    table: ClassVar[tuple[Subject, ...]] = MMLU

    split: Literal["test", "val", "dev"] = "test"
    """The questions asked: 14,042 of `test`, 1,531 of `val`, or the 285 of `dev`."""

    def file(self, split: str, subject: str) -> Path:
        """Return `<split>/<subject>_<split>.csv`."""
        return self.folder / split / f"{subject}_{split}.csv"

    def category(self, subject: Subject) -> str:
        """Return the category; lm-eval counts anatomy among STEM."""
        return "STEM" if self.protocol == "harness" and subject.name == "anatomy" else subject.category
