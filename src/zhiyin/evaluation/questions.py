"""The questions of an exam as their files hold them, and with their options in another order."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zhiyin.evaluation.extract import LETTERS


class Question(NamedTuple):
    """One row of a file, nothing stripped: the official scripts strip nothing either."""

    text: str
    options: tuple[str, ...]
    """Four, for A to D."""
    answer: str
    """The right letter; empty where the file keeps it back."""
    id: str = ""
    """What the file calls it, where it does."""

    def turned(self, places: int) -> "Question":
        """Return the question with its options turned: what stood `places` further down stands first, the rest follow.

        The right letter goes with its text.
        """
        moved = tuple(self.options[original(place, places)] for place in range(len(self.options)))
        if not self.answer:
            return self._replace(options=moved)
        right = (LETTERS.index(self.answer) - places) % len(self.options)
        return self._replace(options=moved, answer=LETTERS[right])


def original(place: int, turned: int) -> int:
    """Return where the option at `place` of a question turned by `turned` stood before."""
    return (place + turned) % len(LETTERS)


class Layout(NamedTuple):
    """How the files of an exam are laid out; every row is a question, four options, perhaps an answer."""

    exam: str
    """Its name in messages."""
    headers: tuple[tuple[str, ...], ...]
    """The headers it may have; without any, rows begin at once and hold question, A to D and answer."""
    numbered: bool
    """A number stands in front of the question."""

    def question(self, row: Sequence[str], header: tuple[str, ...]) -> Question | None:
        """Return what a row holds, or None when it is not a whole row of that header."""
        first = int(self.numbered)
        labelled = not header or header[-1].lower() != "d"
        read = tuple(row[first : first + 5 + labelled])
        if len(row) != (len(header) or first + 6) or not all(read) or (labelled and read[-1] not in LETTERS):
            return None
        return Question(read[0], read[1:5], read[5] if labelled else "", row[0] if self.numbered else "")


_NAMED = ("question", *LETTERS)
CMMLU_FILES = Layout("CMMLU", (("", "Question", *LETTERS, "Answer"),), numbered=True)
CEVAL_FILES = Layout(
    "C-Eval",
    (("id", *_NAMED), ("id", *_NAMED, "answer"), ("id", *_NAMED, "answer", "explanation")),
    numbered=True,
)
MMLU_FILES = Layout("MMLU", (), numbered=False)


def read(file: Path, layout: Layout) -> list[Question]:
    """Read one subject; raises `ValueError` with file and row for anything but a full row of the known columns."""
    if not file.is_file():
        folders = f"{file.parent.parent.name or file.parent.parent}/{file.parent.name}/"
        raise FileNotFoundError(f"{file} is missing: {layout.exam} has a file for every subject in {folders}")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines, strict=True)
        header = tuple(next(rows, ())) if layout.headers else ()
        if layout.headers and header not in layout.headers:
            known = " or ".join(str(list(one)) for one in layout.headers)
            raise ValueError(f"{file}: expected the columns {known}, found {list(header)}")
        questions = []
        for row in rows:
            question = layout.question(row, header)
            if question is None:
                front = "a number, a question" if layout.numbered else "a question"
                raise ValueError(f"{file}:{rows.line_num}: expected {front}, A to D and its answer: {row}")
            questions.append(question)
    return questions
