"""Runs to compare: questions asked and marked by the real verbs, of models that are a number, how much they know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.evaluation.desk import given, make_benchmark, question, skilled

from zhiyin.artifacts import Checkpoint, CompletionSet, CurvePoint, Page, PromptSet
from zhiyin.evaluation import prepare, score
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.report import page

EXAM = {"name": "generated_exam", "protocol": "answer_text"}


class Knowledge(StepConfig):
    """What a model knows."""

    skill: float
    """How often it is right."""


class Manner(StepConfig):
    """How a model is asked."""

    max_new_tokens: int = 80
    """Changes nothing but the protocol."""


def train(config: Knowledge, *, out: Path, runtime: Runtime, model: Checkpoint | None = None) -> Checkpoint:
    points = [CurvePoint(number, "train", {"loss": 2 - config.skill / number}) for number in (1, 2, 3)]
    jsonl.write(out / "curve.jsonl", points)
    return Checkpoint(out)


def answer(
    config: Manner, *, out: Path, runtime: Runtime, model: Checkpoint, prompts: Mapping[str, PromptSet]
) -> CompletionSet:
    skill = model.manifest.config["skill"]
    for name, asked in prompts.items():
        jsonl.write(out / f"{name}.jsonl", [one for prompt in asked for one in skilled(prompt, skill)])
    return CompletionSet(out, {name: {"template": "gemma2"} for name in prompts})


def run_of(
    skills: Mapping[str, float],
    *,
    asked: range = range(60),
    manner: int = 80,
    exams: Mapping[str, str] | None = None,
    title: str = "A run",
) -> Step[Page]:
    """Return the page of a run. Each model of `skills`, by label, comes from the one before it.

    `exams` maps the label of each prompt set to its protocol.
    """
    records = given([question(number) for number in asked])
    prompts = {
        label: _prepared(records, protocol, label) for label, protocol in (exams or {"exam": "answer_text"}).items()
    }
    models: dict[str, Step[Any]] = {}
    answers: dict[str, Step[Any]] = {}
    scores: dict[str, Step[Any]] = {}
    for label, skill in skills.items():
        origin = {"model": list(models.values())[-1]} if models else {}
        models[label] = step(train, Knowledge(skill=skill), origin, label)
        config = Manner(max_new_tokens=manner)
        name = f"{label}_answers"
        answers[name] = step(answer, config, {"model": models[label], "prompts": prompts}, name)
        for exam in prompts:
            inputs = {"prompts": prompts[exam], "completions": answers[name]}
            scores[f"{label}_{exam}"] = step(score.score, score.Config(), inputs, f"{label}_{exam}")
    shown = {"models": models, "scores": scores, "answers": answers}
    return step(page.page, page.Config(title=title, samples=2), shown, "page")


def _prepared(records: Step[Any], protocol: str, label: str) -> Step[PromptSet]:
    config = prepare.Config(benchmark=make_benchmark({**EXAM, "protocol": protocol}))
    return step(prepare.prepare, config, {"records": records}, label)


def finished(target: Step[Page], store: Path) -> Page:
    """Make a run and return its page."""
    found = run([target], Runtime(store=store))[-1]
    assert isinstance(found, Page)
    return found
