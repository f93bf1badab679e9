"""Small fake rooms that run in no time, a recipe of them, and the ways to call the command line."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from zhiyin.cli.app import app
from zhiyin.recipe import wiring

PACKAGE = "fake_cli_rooms"
HEAD = '''
"""A fake step."""
import time
from collections.abc import Mapping
from pathlib import Path
import msgspec
from zhiyin.artifacts import *
from zhiyin.execution.config import StepConfig
from zhiyin.execution.progress import report
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.conversation import Document
from zhiyin.records.prompt import Prompt
from zhiyin.records.score import Comparison, Flip, Mark, Overview, Ruling, Score
'''
FILES = {
    "__init__.py": "",
    **{f"{room}/__init__.py": "" for room in ("data", "weights", "training", "inference", "evaluation", "report")},
    "data/collect.py": '''
class Config(StepConfig):
    """What."""
    count: int = 3
    """Records."""

def collect(config: Config, *, out: Path, runtime: Runtime) -> TextSet:
    """Collect."""
    return TextSet.write(out, [Document(str(n), "text", "fake") for n in range(config.count)])
''',
    "weights/tiny.py": '''
class Config(StepConfig):
    """What."""
    layers: int = 1
    """Layers."""

def tiny(config: Config, *, out: Path, runtime: Runtime) -> Checkpoint:
    """Make."""
    (out / "config.json").write_text(str(config.layers))
    return Checkpoint(out, {"parameters": 12})
''',
    "training/train.py": '''
class Config(StepConfig):
    """What."""
    resumable = True
    learning_rate: float = 0.1
    """The rate."""
    seconds: float = 0.0
    """How long it takes."""
    fail: str = ""
    """With which words it fails."""

def train(config: Config, *, out: Path, runtime: Runtime, model: Checkpoint, records: TextSet) -> Checkpoint:
    """Train."""
    (out / "checkpoints" / "step-1").mkdir(parents=True, exist_ok=True)
    for done in range(1, 11):
        time.sleep(config.seconds / 10)
        report(done, 10, "steps", loss=f"{1 / done:.2f}")
    if config.fail == "key":
        raise KeyError("gone")
    if config.fail == "module":
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    if config.fail:
        raise ValueError(config.fail)
    (out / "weights.bin").write_bytes(b"0" * 2000)
    table = {"一: a": {"taken": 10, "share": 0.5}, "b": {"taken": 9, "share": 1.0}}
    return Checkpoint(out, {"loss": 0.25, "groups": {"a": 1}, "table": table})
''',
    "evaluation/prepare.py": '''
class Config(StepConfig):
    """What."""
    benchmark: dict[str, str | float] = {"name": "quiz", "chance": 0.25}
    """Which."""

def prepare(config: Config, *, out: Path, runtime: Runtime) -> PromptSet:
    """Ask."""
    return PromptSet.write(out, [Prompt("1", text="?")])
''',
    "inference/answer.py": '''
class Config(StepConfig):
    """What."""

def answer(
    config: Config, *, out: Path, runtime: Runtime, model: Checkpoint, prompts: Mapping[str, PromptSet]
) -> CompletionSet:
    """Answer."""
    (out / "exam.jsonl").write_text("")
    return CompletionSet(out)
''',
    "evaluation/score.py": '''
class Config(StepConfig):
    """What."""
    mean: float
    """The score."""

def score(
    config: Config, *, out: Path, runtime: Runtime, prompts: PromptSet, completions: CompletionSet
) -> ScoreSet:
    """Score."""
    scores = [
        Score("quiz", "accuracy", group, config.mean, config.mean - 0.1, config.mean + 0.1, 500, 2)
        for group in ("", "sums")
    ]
    jsonl.write(out / "scores.jsonl", scores)
    jsonl.write(out / "marks.jsonl", [Mark("1", "accuracy", float(config.mean > 0.5), "A")])
    warnings = ("letters are not what it learnt",)
    overview = Overview("quiz", "p", "h", "micro", {"accuracy": scores[0]}, 0, None, warnings)
    return ScoreSet(out, overview.plain())
''',
    "evaluation/gate.py": '''
class Config(StepConfig):
    """What."""
    required: bool = False
    """Whether it must come out."""

def gate(config: Config, *, out: Path, runtime: Runtime, before: ScoreSet, after: ScoreSet) -> Verdict:
    """Compare."""
    paired = Comparison("quiz", "accuracy", 0.25, 0.75, 0.5, 0.4, 0.6, 500, 260, 10, 0.00001)
    jsonl.write(out / "comparisons.jsonl", [paired])
    jsonl.write(out / "groups.jsonl", [msgspec.structs.replace(paired, group="sums", p_holm=0.01)])
    jsonl.write(out / "flipped.jsonl", [Flip("1", "accuracy", 0.0, 1.0, "sums"), Flip("2", "accuracy", 1.0, 0.0)])
    met = not config.required
    ruling = Ruling(
        "rise", met, {"accuracy": met}, {"accuracy": paired}, "", 0.95, 0.0,
        required=config.required, failures=() if met else ("expected a rise, but accuracy went from 1 to 2: x",),
    )
    return Verdict(out, ruling.plain())
''',
    "report/page.py": '''
class Config(StepConfig):
    """What."""
    language: str = "en"
    """Which."""

def page(
    config: Config, *, out: Path, runtime: Runtime,
    scores: Mapping[str, ScoreSet], verdicts: Mapping[str, Verdict] = {},
) -> Page:
    """Write."""
    (out / "page.html").write_text("<p>")
    return Page(out)
''',
}
RECIPE = """\
title: A little one
variables: {rate: 0.1, fail: "", seconds: 0, required: false}
report:
  summary: {name: page, scores: {before: score_base, after: score_sft}}
data:
  texts: {name: collect}
weights:
  base: {name: tiny}
training:
  sft: {name: train, model: base, records: texts, learning_rate: "${rate}", fail: "${fail}", seconds: "${seconds}"}
evaluation:
  exam: {name: prepare}
  score_base: {name: score, prompts: exam, completions: answers_base, mean: 0.25}
  score_sft: {name: score, prompts: exam, completions: answers_sft, mean: 0.75}
  verdict: {name: gate, before: score_base, after: score_sft, required: "${required}"}
inference:
  answers_base: {name: answer, model: base, prompts: {exam: exam}}
  answers_sft: {name: answer, model: sft, prompts: {exam: exam}}
"""
STEPS = 10
DRIVER = f"""\
import functools, sys
from zhiyin.recipe import wiring
wiring.load_recipe = functools.partial(wiring.load_recipe, package="{PACKAGE}")
from zhiyin.cli.app import app
try:
    app()
finally:
    heavy = sorted({{"torch", "transformers", "peft", "matplotlib", "scipy", "statsmodels"}} & sys.modules.keys())
    print("heavy:", heavy, file=sys.stderr)
"""

Call = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder that holds the fake package; it can be imported while the tests run."""
    root = tmp_path_factory.mktemp("cli_rooms")
    for name, text in FILES.items():
        file = root / PACKAGE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD.lstrip() + text if text else "", encoding="utf-8")
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak English, and forget after the test what `--lang` asked for."""
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rooms: Path) -> Path:
    """Work in an empty folder that holds `little.yaml`, whose sections are the fake rooms."""
    monkeypatch.chdir(tmp_path)
    Path("little.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.setattr(wiring, "load_recipe", functools.partial(wiring.load_recipe, package=PACKAGE))
    return tmp_path


@pytest.fixture
def zhiyin() -> Call:
    """Return a function that runs the command line in this process."""

    def call(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=input)

    return call


@pytest.fixture
def start(rooms: Path) -> Start:
    """Return a function that starts the command line as a process of its own, with the fake rooms."""

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(rooms), "PYTHONUNBUFFERED": "1"},
        )

    return begin
