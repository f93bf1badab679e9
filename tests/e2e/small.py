"""A recipe with every kind of step, run in seconds, and what must be equal between two runs of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zhiyin.artifacts import CurvePoint, curve
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.step import in_order
from zhiyin.execution.store import CHECKPOINTS, PARTIAL, Store
from zhiyin.recipe.wiring import Recipe, load_recipe

RECIPE = """\
title: A very small beginner
data:
  prose: {name: collect, source: {name: generated_prose, count: 400, seed: 1}}
  questions: {name: collect, source: {name: generated_instructions, part: train, count: 200, style: brief, seed: 2}}
  exam: {name: collect, source: {name: generated_instructions, part: held_out, count: 24, style: brief, seed: 3}}
  pairs: {name: collect, source: {name: generated_preferences, part: train, count: 160, seed: 4}}
training:
  tokenizer: {name: tokenizer, texts: [prose, questions], vocab_size: 512, template: gemma2_system}
  base:
    name: train
    model: seedling
    data: prose
    objective: causal_lm
    adapter: full
    learning_rate: 4e-3
    batch_size: 4
    max_length: 64
  tuned:
    name: train
    model: base
    data: pairs
    held_out: pairs
    objective: {name: dpo, beta: 0.1}
    adapter: {name: lora, rank: 4, alpha: 8}
    learning_rate: 1e-3
    batch_size: 4
    max_length: 192
weights:
  seedling:
    {name: tiny, tokenizer: tokenizer, architecture: gemma2, hidden_size: 32, intermediate_size: 64, head_dim: 16}
  expert: {name: merge, adapter: tuned}
evaluation:
  quiz: {name: prepare, records: exam, benchmark: {name: generated_exam, protocol: answer_text, chance: 0.25}}
  before: {name: score, prompts: quiz, completions: base_answers}
  after: {name: score, prompts: quiz, completions: expert_answers}
  gain: {name: gate, before: before, after: after, measures: [accuracy], expect: rise}
inference:
  base_answers: {name: answer, model: base, prompts: [quiz], max_new_tokens: 8}
  expert_answers: {name: answer, model: expert, prompts: [quiz], max_new_tokens: 8}
report:
  page:
    name: page
    title: Small
    data: [prose, pairs]
    models: [base, expert]
    scores: [before, after]
    verdicts: [gain]
    answers: [base_answers, expert_answers]
"""
STEPS = 16
TRAINED = {"base": 129, "tuned": 40}
"""The trainings of the recipe, and their optimiser steps."""
ZHIYIN = (sys.executable, "-c", "from zhiyin.cli.app import main; main()")


@dataclass(frozen=True)
class Place:
    """A folder with the recipe, a store, and the logs of the processes that were started in it."""

    folder: Path

    @classmethod
    def in_(cls, folder: Path) -> "Place":
        """Write the recipe into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small.yaml").write_text(RECIPE, encoding="utf-8")
        return cls(folder)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @cached_property
    def recipe(self) -> Recipe:
        return load_recipe(self.folder / "small.yaml")

    @cached_property
    def labels(self) -> dict[str, str]:
        """Folder name to label, in the order of the plan."""
        return {step.folder: step.label for step in in_order(*self.recipe.steps.values())}

    def partial(self, label: str) -> Path:
        """Return the folder in which a step is made."""
        return self.store / PARTIAL / self.recipe.steps[label].folder

    def path(self, label: str) -> Path:
        """Return the folder of a finished step."""
        return self.store / self.recipe.steps[label].folder

    def checkpoints(self, label: str) -> list[int]:
        """Return the optimiser steps of the whole checkpoints of an unfinished training."""
        names = (path.name for path in (self.partial(label) / CHECKPOINTS).glob("step-*"))
        return sorted(int(name.removeprefix("step-")) for name in names if not name.endswith(".partial"))

    def start(self, *arguments: str, through: tuple[str, ...] = ZHIYIN, log: str = "log") -> "subprocess.Popen[str]":
        """Start the command line here; its two streams go to `<log>.out` and `<log>.err`."""
        with (self.folder / f"{log}.out").open("w") as out, (self.folder / f"{log}.err").open("w") as err:
            return subprocess.Popen(
                [*through, *arguments], cwd=self.folder, stdout=out, stderr=err, text=True, env=environment()
            )

    def run(self, *arguments: str, through: tuple[str, ...] = ZHIYIN) -> "Ended":
        """Run the command line here to its end."""
        code = self.start(*arguments, through=through).wait(timeout=300)
        return Ended(code, self.read("log.out"), self.read("log.err"))

    def read(self, name: str) -> str:
        """Return a log."""
        return (self.folder / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


RUN = ("run", "small.yaml", "--device", "cpu", "--checkpoint-seconds", "0.001")
"""A checkpoint after every optimiser step, on a machine of any speed."""


def environment() -> Mapping[str, str]:
    """Return the environment of every process: one thread, so that eight tests at once are no slower than one."""
    root = Path(__file__).resolve().parents[2]
    paths = f"{root / 'src'}{os.pathsep}{root}"
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "LANGUAGE": "en"}


def making(log: str) -> list[str]:
    """Return the labels of the steps a log says were begun."""
    return re.findall(r"^\[ *\d+/\d+\] (\w+) +making$", log, flags=re.MULTILINE)


def contents(store: Path) -> dict[str, dict[str, str]]:
    """Return the content of every finished artifact, after reading every byte of every file."""
    found = {f"{each.kind}-{each.fingerprint}": each.results for each in Store(store).manifests()}
    there = {path.name for path in store.iterdir() if not path.name.startswith(".")}
    assert there == set(found), f"{there ^ set(found)} lack a manifest"
    for folder in found:
        artifact = Artifact(store / folder)
        assert artifact.damage(thorough=True) is None, artifact.damage(thorough=True)
        files = {path.relative_to(artifact.path).as_posix() for path in artifact.path.rglob("*") if path.is_file()}
        assert files == {*artifact.manifest.files, "manifest.json"}, f"{folder} holds other files than it says: {files}"
    return found


def unfinished(store: Path) -> list[str]:
    """Return the folders that kills and failures left."""
    return sorted(path.name for path in (store / PARTIAL).glob("*") if path.is_dir())


def loss_curve(place: Place, label: str) -> list[CurvePoint]:
    """Return every point of a training's curve."""
    return curve(Artifact(place.path(label)))


def assert_same(place: Place, undisturbed: Place) -> None:
    """The same artifacts with the same content, the same curves, and nothing left over."""
    found, expected = contents(place.store), contents(undisturbed.store)
    other = [folder for folder in found.keys() | expected.keys() if found.get(folder) != expected.get(folder)]
    assert other == [], f"{other} differ"
    assert len(found) == STEPS
    for label, steps in TRAINED.items():
        points = loss_curve(place, label)
        assert points == loss_curve(undisturbed, label), f"the curve of {label} differs"
        assert [point.step for point in points if point.split == "train"] == list(range(1, steps + 1))
        assert all("loss" in point.values for point in points)
    assert unfinished(place.store) == [], unfinished(place.store)


def notes(file: Path) -> list[dict[str, Any]]:
    """Return what a process under `faults` wrote down, also when it was killed."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
