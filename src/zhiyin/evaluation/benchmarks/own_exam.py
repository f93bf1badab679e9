"""An exam of one's own: questions with four options from a CSV or JSON Lines file, asked as the known exams are."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.letter_exam import LetterExam, Paper
from zhiyin.evaluation.protocols.item import ExamName
from zhiyin.evaluation.questions import Question
from zhiyin.execution.config import InputPath

COLUMNS = ("question", *LETTERS, "answer")
"""What every row has; `subject` may stand beside them, and whatever else is not read."""


class OwnExam(LetterExam, Benchmark):
    """Rows with `question`, `A` to `D`, `answer` (a letter) and perhaps `subject`, which groups them.

    A `.jsonl` file holds an object a line, any other file is read as CSV with a header. Subjects keep the order of
    the file; questions without one belong to a subject named like the file.
    """

    file: InputPath
    """The questions."""
    examples: InputPath | None = None
    """Worked examples for `shots`, in the same form; each subject of `file` needs enough of its own."""
    wording: ExamName = "cmmlu"
    """The exam whose words the protocol uses, and whose way of averaging: `cmmlu`, `ceval` or `mmlu` (English)."""

    def wording_of(self) -> ExamName:
        """Return the exam whose words are used."""
        return self.wording

    def papers(self) -> Iterator[Paper]:
        """Yield the subjects in the order of the file."""
        if self.shots and self.examples is None:
            raise ValueError(f"shots: {self.shots} worked examples wanted; name the file that has them as `examples`")
        asked = _by_subject(self.file, self.file.stem)
        shown = _by_subject(self.examples, self.file.stem) if self.examples else {}
        before = 0
        for subject, questions in asked.items():
            yield Paper(subject, subject, subject, questions, shown.get(subject, ()), before)
            before += len(questions)


def _by_subject(file: Path, unnamed: str) -> dict[str, list[Question]]:
    """Read a file; raises `ValueError` with file and line for a row that is no question with its answer."""
    found: dict[str, list[Question]] = {}
    for line, row in _rows(file):
        if lacking := [name for name in COLUMNS if not isinstance(row.get(name), str) or not row[name]]:
            raise ValueError(
                f"{file}:{line}: {', '.join(lacking)} missing, empty or no text; a row has {COLUMNS}: {row}"
            )
        if row["answer"] not in LETTERS:
            raise ValueError(f"{file}:{line}: the answer must be a letter from A to D, not {row['answer']!r}")
        question = Question(row["question"], tuple(row[letter] for letter in LETTERS), row["answer"])
        found.setdefault(row.get("subject") or unnamed, []).append(question)
    return found


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the rows with their lines."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix == ".jsonl":
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _object(file, number, line)
            return
        rows = csv.DictReader(lines, strict=True)
        if lacking := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise ValueError(f"{file}: the columns {lacking} are missing; there are {rows.fieldnames}")
        for row in rows:
            yield rows.line_num, row


def _object(file: Path, number: int, line: str) -> Mapping[str, str]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{number}: this line is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"{file}:{number}: expected an object with {COLUMNS}, found {row!r}")
    return row
