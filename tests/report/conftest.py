"""A small store with the shape of `tiny.yaml`, made by the real runner from stand-ins for the other rooms' verbs."""

import math
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
import pytest
from pydantic import Field

from zhiyin.artifacts import (
    Adapter,
    Checkpoint,
    CompletionSet,
    ConversationSet,
    CurvePoint,
    Page,
    PreferenceSet,
    PromptSet,
    ScoreSet,
    TextSet,
    Verdict,
)
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Comparison, Flip, Mark, Overview, Ruling, Score
from zhiyin.report.page import Config as PageConfig
from zhiyin.report.page import page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from playwright.sync_api import Page as BrowserPage

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; `make test-browser` installs it")
Scheme = Literal["light", "dark"]


class Open(Protocol):
    """Opens an address in a window of some width and colour scheme."""

    def __call__(self, address: str, *, width: int = 1600, scheme: Scheme = "light") -> "BrowserPage": ...


ITEMS = 60
HOSTILE = "</script><img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
"""A text that would run, were it ever taken for markup; `q1` and what is generated for it hold it."""
GROUPS = ("省会", "生肖", "加法")
CAPITALS = ("杭州", "南京", "合肥", "济南")
Chain = dict[str, Step[Any]]


class Given(StepConfig):
    """The settings of a stand-in."""

    size: int = 40
    """Records, or optimiser steps."""
    skill: float = 0.0
    """How often the answers are right."""
    benchmark: dict[str, Any] = Field(default_factory=dict)
    """The benchmark plug-in."""
    adapter: bool = False
    """Make an adapter rather than a checkpoint."""
    note: str = ""
    """Any text."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact] | None:
        return Adapter if self.adapter else None


def of_room(room: str) -> Callable[[Any], Any]:
    """Say that a stand-in belongs to a room, as the real verb does."""

    def place(function: Any) -> Any:
        function.__module__ = f"zhiyin.{room}.{function.__name__}"
        return function

    return place


@of_room("data")
def generate(config: Given, *, out: Path, runtime: Runtime) -> TextSet:
    kinds = ("capital", "sum", "couplet", "date", "idiom", "unit", "zodiac")
    rows = [Document(f"d{i}", f"浙江的省会是杭州。{i}", "generated_zh", kinds[i % 7]) for i in range(config.size)]
    return TextSet.write(out, rows)


@of_room("data")
def collect(config: Given, *, out: Path, runtime: Runtime) -> ConversationSet:
    turns = Message("user", "问"), Message("assistant", "答")
    kinds = ("capital", "zodiac")
    rows = [Conversation(f"c{i}", turns, "alpaca_zh" if i % 4 else "poetry", kinds[i % 2]) for i in range(config.size)]
    bad = [
        Rejected(f"alpaca.json:{9 + i}", "empty answer", '{"output": "<script>alert(1)</script>"}') for i in range(5)
    ]
    bad.append(Rejected("alpaca.json:77", "not a <record>", "bell \x07 & more"))
    return ConversationSet.write(out, rows, bad)


@of_room("data")
def pair(config: Given, *, out: Path, runtime: Runtime, records: ConversationSet) -> PreferenceSet:
    asked = (Message("user", "问"),)
    rows = [Preference(f"p{i}", asked, "好", "坏", "generated_zh", "brief") for i in range(config.size)]
    return PreferenceSet.write(out, rows)


@of_room("weights")
def tiny(config: Given, *, out: Path, runtime: Runtime, records: TextSet) -> Checkpoint:
    return Checkpoint(out, {"parameters": 2_345_678})


@of_room("training")
def train(
    config: Given,
    *,
    out: Path,
    runtime: Runtime,
    model: Checkpoint | Adapter,
    records: TextSet | ConversationSet | PreferenceSet,
) -> Checkpoint:
    rng = random.Random(config.size)
    points = []
    for number in range(1, config.size + 1):
        loss = 1 + 3 * math.exp(-6 * number / config.size) + rng.gauss(0, 0.15)
        values = {"loss": loss, "learning_rate": 1e-3 * (1 - number / (config.size + 1)), "grad_norm": 1 + rng.random()}
        if "dpo" in config.note:
            accuracy = min(1.0, 0.5 + 0.6 * number / config.size + rng.gauss(0, 0.04))
            values |= {"rewards/accuracies": accuracy, "rewards/margins": number / config.size + rng.gauss(0, 0.05)}
        points.append(CurvePoint(number, "train", values))
        if number % 20 == 0:
            held = {name: values[name] + 0.08 for name in values if name in ("loss", "rewards/accuracies")}
            points.append(CurvePoint(number, "held_out", held))
    jsonl.write(out / "curve.jsonl", points)
    ranks = {f"model.layers.{n // 3}.{kind}_proj": n % 5 for n, kind in enumerate(("q", "o", "up") * 4)}
    summary = {"steps": config.size, **({"ranks": ranks} if config.adapter else {})}
    return (Adapter if config.adapter else Checkpoint)(out, summary)  # type: ignore[return-value]


@of_room("weights")
def merge(config: Given, *, out: Path, runtime: Runtime, model: Adapter) -> Checkpoint:
    return Checkpoint(out)


@of_room("evaluation")
def prepare(config: Given, *, out: Path, runtime: Runtime) -> PromptSet:
    def prompts() -> Iterator[Prompt]:
        for number in range(ITEMS):
            group, right = GROUPS[number % 3], CAPITALS[number % 4]
            system = HOSTILE if number == 1 else "你是助手。"
            messages = (Message("system", system), Message("user", f"第{number}题：<b>浙江</b>的省会是？"))
            ranked = config.benchmark["protocol"] != "generate"
            choices = CAPITALS if ranked else ()
            yield Prompt(f"q{number}", messages=messages, choices=choices, reference=right, group=group)

    return PromptSet.write(out, prompts())


@of_room("inference")
def answer(
    config: Given, *, out: Path, runtime: Runtime, model: Checkpoint | Adapter, prompts: Mapping[str, PromptSet]
) -> CompletionSet:
    for name, asked in prompts.items():
        rng = random.Random(f"{config.skill} {name}")
        made = []
        for prompt in asked:
            right = rng.random() < (0.25 if name == "exam_letter" else config.skill)
            said = prompt.reference if right else next(city for city in CAPITALS if city != prompt.reference)
            if prompt.choices:
                scored = tuple(-2.0 if city == said else -5.0 - rng.random() for city in prompt.choices)
                made.append(Completion(prompt.id, choice_logprobs=scored, choice_tokens=(2,) * 4))
            else:
                text = f"答案是{said}。</p>{HOSTILE if prompt.id == 'q1' else ''}"
                cut = prompt.id == "q5"
                made.append(Completion(prompt.id, text=text, stopped="stop" if right else "length", truncated=cut))
        jsonl.write(out / f"{name}.jsonl", made)
    return CompletionSet(out)


@of_room("evaluation")
def score(config: Given, *, out: Path, runtime: Runtime, prompts: PromptSet, completions: CompletionSet) -> ScoreSet:
    marks, asked = [], {prompt.id: prompt for prompt in prompts}
    for one in completions.of(prompts):
        prompt = asked[one.prompt_id]
        scored = one.choice_logprobs
        said = prompt.choices[scored.index(max(scored))] if scored else one.text[3:5]
        marks.append(Mark(one.prompt_id, "accuracy", float(said == prompt.reference), said, prompt.group))
        if not scored:
            marks.append(Mark(one.prompt_id, "characters", float(len(one.text)), None, prompt.group))
    jsonl.write(out / "marks.jsonl", marks)
    scores = list(_scores(marks))
    jsonl.write(out / "scores.jsonl", scores)
    warnings = ("format mismatch: the letters hold 0.012", "at chance: the interval holds 0.25")
    overview = Overview(
        benchmark="generated_exam",
        protocol=f"protocol of {config.benchmark or prompts.path.name}"[:24],
        prompts_hash=prompts.path.name,
        average="micro",
        measures={one.measure: one for one in scores if not one.group},
        truncated=0,
        exam=None,
        warnings=warnings if completions._name_of(prompts) == "exam_letter" else (),
    )
    return ScoreSet(out, overview.plain())


def _scores(marks: list[Mark]) -> Iterator[Score]:
    for measure in dict.fromkeys(mark.measure for mark in marks):
        for group in ("", *GROUPS):
            values = [m.value for m in marks if m.measure == measure and group in ("", m.group)]
            mean = sum(values) / len(values)
            half = 1.96 * math.sqrt(max(1e-4, sum((v - mean) ** 2 for v in values) / len(values) ** 2))
            unanswered = 2 if measure == "characters" and not group else 0
            yield Score("generated_exam", measure, group, mean, mean - half, mean + half, len(values), unanswered)


@of_room("evaluation")
def gate(config: Given, *, out: Path, runtime: Runtime, before: ScoreSet, after: ScoreSet) -> Verdict:
    first, second = ({m.prompt_id: m.value for m in s.marks if m.measure == "accuracy"} for s in (before, after))
    gained = sum(second[one] > first[one] for one in first)
    lost = sum(second[one] < first[one] for one in first)
    low, high = sum(first.values()) / len(first), sum(second.values()) / len(second)
    change = high - low
    interval = change, change - 0.11, change + 0.1
    p = 0.00004 if change > 0.2 else 0.412
    row = Comparison("generated_exam", "accuracy", low, high, *interval, len(first), gained, lost, p)
    jsonl.write(out / "comparisons.jsonl", [row])
    jsonl.write(out / "groups.jsonl", [msgspec.structs.replace(row, group=name, p_holm=0.03) for name in ("诗", "词")])
    flipped = [Flip(one, "accuracy", first[one], second[one]) for one in first if first[one] != second[one]]
    jsonl.write(out / "flipped.jsonl", flipped)
    ruling = Ruling(
        expect="not_fall" if config.note == "not_fall" else "rise",
        passed=change > 0.11,
        met={"accuracy": change > 0.11},
        comparisons={"accuracy": row},
        group="",
        confidence=0.95,
        margin=0.03,
    )
    return Verdict(out, ruling.plain())


def build(steps: int = 60) -> Chain:
    """Return the plan, by label, with a page at its end."""
    plan: Chain = {}

    def add(label: str, verb: Any, config: Given | None = None, **inputs: Any) -> Step[Any]:
        plan[label] = step(verb, config or Given(note=label), inputs, label)
        return plan[label]

    prose, raw = add("prose", generate), add("raw", collect)
    blank = add("blank", tiny, records=prose)
    start = add("start", train, Given(size=steps), model=blank, records=prose)
    sft = add("sft", train, Given(size=steps, adapter=True, note="对齐"), model=start, records=raw)
    control = add("control", train, Given(size=steps, adapter=True, note="shuffled"), model=start, records=raw)
    merged = add("sft_merged", merge, model=sft)
    pairs = add("pairs", pair, records=raw)
    dpo = add("偏好优化", train, Given(size=steps, note="dpo"), model=merged, records=pairs)
    exams = {}
    for form, chance in (("text", 0.25), ("letter", 0.25), ("generate", None)):
        settings = {"name": "generated_exam", "protocol": form, "chance": chance}
        exams[f"exam_{form}"] = add(f"exam_{form}", prepare, Given(benchmark=settings))
    answers, scores = {}, {}
    for model, skill in ((start, 0.3), (control, 0.33), (sft, 0.8), (dpo, 0.82)):
        config = Given(skill=skill)
        answers[model.label] = add(f"{model.label}_answers", answer, config, model=model, prompts=exams)
        for name, asked in exams.items():
            label = f"{model.label}_{name}"
            scores[label] = add(label, score, prompts=asked, completions=answers[model.label])
    verdicts = {}
    for before, after in (("start", "sft"), ("control", "sft"), ("sft", "偏好优化")):
        compared = {"before": scores[f"{before}_exam_text"], "after": scores[f"{after}_exam_text"]}
        config = Given(note="rise" if after == "sft" else "not_fall")
        verdicts[f"{before}_{after}"] = add(f"{before}_to_{after}", gate, config, **compared)
    shown = {"data": {"raw": raw}, "models": {"dpo": dpo}, "scores": scores, "verdicts": verdicts, "answers": answers}
    page_config = PageConfig(title="知音 <tiny> & real", samples=4, rejected_examples=2)
    plan["page"] = step(page, page_config, shown, "page")
    return plan


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return every artifact of the plan, by label."""
    runtime = Runtime(store=tmp_path_factory.mktemp("store"))
    plan = build()
    run([plan["page"]], runtime)
    return {label: one.produces(runtime.store / one.folder) for label, one in plan.items()}


@pytest.fixture(scope="session")
def html(made: dict[str, Any]) -> str:
    """Return the page."""
    page: Page = made["page"]
    return (page.path / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def pages(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of the page in each language."""
    plain, out = made["page"], tmp_path_factory.mktemp("zh")
    inputs: dict[str, dict[str, Any]] = {}
    for name, folder in plain.manifest.inputs.items():
        kind, _, label = name.partition(".")
        one = next(artifact for artifact in made.values() if artifact.path.name == folder)
        inputs.setdefault(kind, {})[label] = one
    page(PageConfig(title="小模型", language="zh", samples=4), out=out, runtime=Runtime(), **inputs)
    return {"en": plain.path, "zh": out}


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Start Chromium once."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: "Browser") -> Iterator["Open"]:
    """Return what opens an address in a window of its own; a word in the console or a failed request fails the test."""
    said: list[str] = []
    windows: list[BrowserContext] = []

    def open_page(address: str, *, width: int = 1600, scheme: "Scheme" = "light") -> "BrowserPage":
        window = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        windows.append(window)
        tab = window.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("requestfailed", lambda request: said.append(request.url))
        tab.goto(address)
        if "items.html" in address:
            tab.wait_for_selector("body[data-ready]")
        return tab

    yield open_page
    for window in windows:
        window.close()
    assert said == []
