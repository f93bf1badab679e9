"""CMMLU: 67 subjects of Chinese knowledge."""

from pathlib import Path
from typing import ClassVar, Literal

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.protocols.item import ExamName
from zhiyin.evaluation.questions import CMMLU_FILES, Layout
from zhiyin.evaluation.subject_exam import SubjectExam
from zhiyin.evaluation.subjects import CMMLU, Subject


class Cmmlu(SubjectExam, Benchmark):
    """haonan-li/CMMLU (arXiv 2306.09212), by default under its official protocol: zero-shot, averaged over subjects.

    A prompt has at most 815 Llama-3 tokens with 5 shots; one that a model cannot hold is cut and counted as truncated.
    `folder` has `dev/` and `test/` with `<subject>.csv` each.
    """

    exam: ClassVar[ExamName] = "cmmlu"
    layout: ClassVar[Layout] = CMMLU_FILES
    table: ClassVar[tuple[Subject, ...]] = CMMLU

    split: Literal["test", "dev"] = "test"
    """The questions asked: 11,582 of `test`, or the 335 of `dev`."""

    def file(self, split: str, subject: str) -> Path:
        """Return `<split>/<subject>.csv`."""
        return self.folder / split / f"{subject}.csv"
