"""C-Eval: 52 subjects of Chinese knowledge, with a hard part; its website marks the answers to the test split."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.letter_exam import Paper
from zhiyin.evaluation.protocols.item import ExamName
from zhiyin.evaluation.questions import CEVAL_FILES, Layout
from zhiyin.evaluation.subject_exam import SubjectExam
from zhiyin.evaluation.subjects import CEVAL, Subject
from zhiyin.records.prompt import Prompt
from zhiyin.records.score import Mark

SUBMISSION = "submission.json"


class Ceval(SubjectExam, Benchmark):
    """hkust-nlp/ceval (arXiv 2305.08322): `dev` of five worked examples, `val` with labels, `test`.

    `folder` has `dev/`, `val/` and `test/` with `<subject>_<split>.csv` each. Labels of `test` count where the files
    have them (they were published in July 2025). Where they do not, `score` measures `answered` alone, and writes
    `submission.json` beside the scores: what cevalbenchmark.com reads, `{subject: {id: letter}}`.
    """

    exam: ClassVar[ExamName] = "ceval"
    layout: ClassVar[Layout] = CEVAL_FILES
    table: ClassVar[tuple[Subject, ...]] = CEVAL

    split: Literal["val", "test", "dev"] = "val"
    """The questions asked: 1,346 of `val`, 12,342 of `test`, or the 260 of `dev`."""

    def file(self, split: str, subject: str) -> Path:
        """Return `<split>/<subject>_<split>.csv`."""
        return self.folder / split / f"{subject}_{split}.csv"

    def papers(self) -> Iterator[Paper]:
        """Yield the subjects; raises `ValueError` when some have labels and others none, which no score could hold."""
        found = list(super().papers())
        labelled = {paper.group: any(question.answer for question in paper.questions) for paper in found}
        if len(set(labelled.values())) > 1:
            have, lack = (next(group for group in labelled if labelled[group] == it) for it in (True, False))
            raise ValueError(
                f"{self.folder}: {have} has answers in {self.split}, {lack} has none; "
                "ask them one after the other with `subjects`"
            )
        yield from found

    def files(self, asked: Sequence[Prompt], marks: Sequence[Sequence[Mark]]) -> dict[str, object]:
        """Return the website's submission where labels are kept back; an unread answer is left empty."""
        answers: dict[str, dict[str, str]] = {}
        for prompt, some in zip(asked, marks, strict=True):
            if not prompt.reference and not self.kind(prompt):
                answers.setdefault(prompt.group, {})[str(prompt.meta["id"])] = some[0].extracted or ""
        return {SUBMISSION: answers} if answers else {}
