"""One exam for every side: its questions, the models that sit it, and what a side reports of it.

Only the standard library is imported on top: every side runs in an environment of its own.
"""

import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LETTERS = ("A", "B", "C", "D")
WINDOW = 128
"""Of Gemma-2's sliding layers: shorter than five worked examples."""
A_SUBJECT = 100
"""Questions asked of one subject; a subject of CMMLU has 173 on average."""


@dataclass(frozen=True)
class Question:
    """One question as a prompt in the wording of lm-eval's `cmmlu` tasks; the answer is ` A`, ` B`, ` C` or ` D`."""

    subject: str
    row: int
    """In the subject's file, from 0."""
    text: str


@dataclass(frozen=True)
class Exam:
    """What every side is asked to do."""

    side: str
    """`ours`, `lm-eval`, `opencompass` or `llamafactory`."""
    model: str
    """Folder of a checkpoint with its tokenizer."""
    cmmlu: str
    """Folder with `dev/` and `test/`."""
    shots: int
    questions: str
    """JSON lines of `Question`, subject by subject, rows in order."""
    batch: int = 8
    """Questions that lm-eval runs together."""
    micro_batch_tokens: int = 4096
    """Of our side: tokens in one forward pass, at most."""

    def asked(self) -> list[Question]:
        """Read the questions."""
        with Path(self.questions).open(encoding="utf-8") as lines:
            return [Question(**json.loads(line)) for line in lines]


@dataclass
class Report:
    """What a side says of the exam, question by question in the order they were asked."""

    flags: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    scores: list[list[float]] = field(default_factory=list)
    """Log-probability of each letter, over the whole vocabulary or, of `llamafactory`, over the four letters."""
    chosen: list[int] = field(default_factory=list)
    """The answer, 0 to 3, as the side itself decides."""
    cpu_seconds: float = 0.0
    """From prompts as text, a loaded model and loaded tasks to answers."""
    wall_seconds: float = 0.0
    tokens: int = 0
    """That went through the layers, padding included."""
    positions: int = 0
    """That went through the output layer."""


def questions(cmmlu: Path, chinese: dict[str, str], shots: int, count: int) -> Iterator[Question]:
    """Yield so many questions: the first 100 of subjects that lie evenly among all of them; `chinese` are their names.

    With more questions than that the first ones of every subject, and of each as many more as are needed.
    """
    subjects = sorted(chinese)
    asked = min(-(-count // A_SUBJECT), len(subjects))
    each = max(A_SUBJECT, -(-count // len(subjects)))
    left = count
    for name in (subjects[at * len(subjects) // asked] for at in range(asked)):
        head = f"以下是关于{chinese[name]}的单项选择题，请直接给出正确答案的选项。\n\n"
        for shot in rows(cmmlu / "dev" / f"{name}.csv")[:shots]:
            head += f"{_form(shot)} {shot['Answer']}\n\n"
        for at, row in enumerate(rows(cmmlu / "test" / f"{name}.csv")[: min(each, left)]):
            yield Question(name, at, head + _form(row))
            left -= 1


def rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a subject's file, every cell as the text that it is."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [{name: cell for name, cell in row.items() if name} for row in csv.DictReader(lines, strict=True)]


def _form(row: dict[str, str]) -> str:
    options = "".join(f"\n{letter}. {row[letter]}" for letter in LETTERS)
    return f"{row['Question'].strip()}{options}\n答案："


def model(shape: str) -> Path:
    """Return the folder of a model of `texts.SHAPES` with random weights, Gemma-2 with a short window."""
    from bench.sides import texts

    def write(folder: Path) -> None:
        shutil.copytree(texts.model(shape), folder, dirs_exist_ok=True)
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if "sliding_window" in settings:
            settings["sliding_window"] = WINDOW
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")

    return texts._once(texts.CACHE / f"exam-{shape}", write)


@contextmanager
def timed(report: Report, model: Any) -> Iterator[None]:
    """Count the seconds of the block, and what goes through the layers and the output layer of the model in it."""

    def count_tokens(module: Any, arguments: Any, named: Any) -> None:
        ids = named["input_ids"] if "input_ids" in named else arguments[0]
        report.tokens += ids.numel()

    def count_positions(head: Any, arguments: Any, logits: Any) -> None:
        report.positions += logits.numel() // logits.shape[-1]

    handles = [
        model.register_forward_pre_hook(count_tokens, with_kwargs=True),
        model.get_output_embeddings().register_forward_hook(count_positions),
    ]
    began = (time.process_time(), time.perf_counter())
    try:
        yield
    finally:
        now = (time.process_time(), time.perf_counter())
        report.cpu_seconds, report.wall_seconds = (b - a for a, b in zip(began, now, strict=True))
        for handle in handles:
            handle.remove()


def run(side: Callable[[Exam, Report], None]) -> None:
    """Read the exam named on the command line, let the side sit it on one thread, and write its report beside it."""
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    where = Path(sys.argv[1])
    exam = Exam(**json.loads(where.read_text(encoding="utf-8")))
    import torch

    torch.set_num_threads(1)
    report = Report()
    side(exam, report)
    where.with_suffix(".report").write_text(json.dumps(asdict(report)), encoding="utf-8")
