"""What one side of the bench of data is asked to do and what it reports: read and written in every environment.

Only the standard library is imported, so that the processor seconds of a side are its own.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

LABEL = "corpus"
SHORTEST, LONGEST = 10, 4096
"""Characters of a record that passes."""
SEED = 20240601


@dataclass(frozen=True)
class Work:
    """Rows to be made into a training set, the same for every side."""

    side: str
    corpus: str
    """Folder with JSON lines in Alpaca's form."""
    prompts: str
    """Folder with a prompt set in each folder: the questions that no row may hold."""
    out: str
    """Folder for all that is written."""
    wanted: int
    """Records in the mix."""
    workers: int = 2


@dataclass
class Report:
    """What a side says of its work. Seconds are processor seconds of the process and its children."""

    flags: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """Rows left after each stage."""
    before_mix: str = ""
    """JSON lines of the records that the mix is drawn from, whose ids are read; without it, the table has them."""
    table: str = ""
    """Parquet file or folder with the result."""
    same: str = ""
    """Of tokenising: a hash of the examples, in no order."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        before = spent()
        yield
        self.stages[name] = spent() - before


def spent() -> float:
    """Return processor seconds of this process and of its children that ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(side: Callable[[Work, Report], None]) -> None:
    """Read the work named on the command line, let the side do it, and write its report beside the order."""
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1", NO_COLOR="1")
    where = Path(sys.argv[1])
    work = Work(**json.loads(where.read_text(encoding="utf-8")))
    report, began = Report(), time.perf_counter()
    report.stages["imports"] = spent()
    side(work, report)
    report.stages["wall"] = time.perf_counter() - began
    where.with_suffix(".report").write_text(json.dumps(asdict(report)), encoding="utf-8")


def versions(*names: str) -> dict[str, str]:
    """Return the versions of installed packages."""
    from importlib.metadata import version

    return {name: version(name) for name in names}


def questions(prompts: str) -> list[str]:
    """Return the questions of all prompt sets."""
    found = []
    for file in sorted(Path(prompts).glob("*/records.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                prompt = json.loads(line)
                found.append(prompt.get("meta", {}).get("question") or prompt["messages"][-1]["content"])
    return found
