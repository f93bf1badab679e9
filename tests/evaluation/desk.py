"""Steps that stand in for the other rooms: records from memory, and answers by rule instead of by model."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from zhiyin.artifacts import CompletionSet, ConversationSet, PreferenceSet, PromptSet, ScoreSet, TextSet, Verdict
from zhiyin.evaluation import gate, prepare, score
from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.evaluation.extract import LETTERS
from zhiyin.execution.catalog import make
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt


class Given(StepConfig):
    """Records, as JSON lines in the config itself."""

    rows: tuple[str, ...]
    """One record each."""


def conversations(config: Given, *, out: Path, runtime: Runtime) -> ConversationSet:
    found = [msgspec.json.decode(row, type=Conversation) for row in config.rows]
    return ConversationSet(out, ConversationSet.write(out, found).summary)


def texts(config: Given, *, out: Path, runtime: Runtime) -> TextSet:
    found = [msgspec.json.decode(row, type=Document) for row in config.rows]
    return TextSet(out, TextSet.write(out, found).summary)


def preferences(config: Given, *, out: Path, runtime: Runtime) -> PreferenceSet:
    found = [msgspec.json.decode(row, type=Preference) for row in config.rows]
    return PreferenceSet(out, PreferenceSet.write(out, found).summary)


def given(records: Sequence[Struct]) -> Step[Any]:
    """Return a step that hands over these records."""
    verb = {Conversation: conversations, Document: texts, Preference: preferences}[type(records[0])]
    return step(verb, Given(rows=tuple(msgspec.json.encode(record).decode() for record in records)))


class Rule(StepConfig):
    """How the stand-in answers."""

    rule: str
    """A name in `RULES`."""
    argument: float = 0.0
    """What the rule makes of it is its own matter."""


def answer(config: Rule, *, out: Path, runtime: Runtime, prompts: Mapping[str, PromptSet]) -> CompletionSet:
    for name, asked in prompts.items():
        found = [one for prompt in asked for one in RULES[config.rule](prompt, config.argument)]
        jsonl.write(out / f"{name}.jsonl", found)
    return CompletionSet(out, {name: {"template": "gemma2"} for name in prompts})


def ranked(prompt: Prompt, picked: int, mass: float = 0.9) -> Completion:
    """Return log-probabilities under which one choice gets most of `mass`."""
    shares = [0.7 if index == picked else 0.1 for index in range(len(prompt.choices))]
    logprobs = tuple(math.log(mass * share / sum(shares)) for share in shares)
    return Completion(prompt.id, choice_logprobs=logprobs, choice_tokens=tuple(len(one) for one in prompt.choices))


def right_place(prompt: Prompt) -> int:
    """Return where the right choice stands; its reference is its text, or its letter, or there is none."""
    if prompt.reference in prompt.choices:
        return prompt.choices.index(prompt.reference)
    return LETTERS.index(prompt.reference) if prompt.reference in LETTERS else 0


def chance(key: str) -> float:
    """Return a number from 0 to 1 that depends on the key alone."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) / 16**12


def skilled(prompt: Prompt, skill: float) -> list[Completion]:
    """Know the answer with probability `skill`; a more skilled one knows all that a less skilled one does."""
    if not prompt.choices:
        right = prompt.reference if chance(prompt.id) < skill else "不知道"
        return [Completion(prompt.id, text=f"答案是{right}。", stopped="stop", tokens=8)]
    place = right_place(prompt)
    knows = chance(prompt.id) < skill
    return [ranked(prompt, place if knows else (place + 1) % len(prompt.choices))]


def surprised(prompt: Prompt, nats: float) -> list[Completion]:
    """Find every character worth `nats`, one token for two characters."""
    length = len(prompt.choices[0])
    return [Completion(prompt.id, choice_logprobs=(-nats * length,), choice_tokens=((length + 1) // 2,))]


def leaning(prompt: Prompt, nats: float) -> list[Completion]:
    """Find the first choice `nats` more probable than the second, give or take one that depends on the prompt."""
    return [Completion(prompt.id, choice_logprobs=(-10.0 + nats * (chance(prompt.id) + 0.1), -10.0))]


def reasoned(prompt: Prompt) -> Completion:
    """Give the right answer in ZeroEval's form."""
    return Completion(prompt.id, text=f'{{"reasoning": "abcd", "answer": "{prompt.reference}"}}', stopped="stop")


RULES: dict[str, Callable[[Prompt, float], list[Completion]]] = {
    "skilled": skilled,
    "surprised": surprised,
    "leaning": leaning,
    "constant": lambda prompt, letter: [ranked(prompt, int(letter))],
    "even": lambda prompt, mass: [ranked(prompt, -1, mass or 1.0)],
    "half_reasoned": lambda prompt, _: [reasoned(prompt) if prompt.id.endswith("0") else Completion(prompt.id)],
    "silent": lambda prompt, _: [Completion(prompt.id)],
    "absent": lambda prompt, _: [],
    "twice": lambda prompt, _: [ranked(prompt, 0)] * 2,
    "stranger": lambda prompt, _: [ranked(prompt, 0), Completion("stranger")],
    "cut": lambda prompt, _: [msgspec.structs.replace(ranked(prompt, 0), truncated=True)],
    "finer": lambda prompt, nats: [
        msgspec.structs.replace(one, choice_tokens=(one.choice_tokens[0] + 1,)) for one in surprised(prompt, nats)
    ],
}


@dataclass(frozen=True)
class Desk:
    """A temporary store, and short ways to build and run the steps of this room."""

    store: Path

    def run(self, target: Step[Any]) -> Any:
        return run([target], Runtime(store=self.store))[-1]

    def prepared(self, benchmark: dict[str, Any], records: Step[Any] | None = None) -> Step[PromptSet]:
        config = prepare.Config(benchmark=make_benchmark(benchmark))
        return step(prepare.prepare, config, {"records": records} if records else {})

    def answered(self, prompts: Step[PromptSet], rule: str, argument: float = 0.0) -> Step[CompletionSet]:
        return step(answer, Rule(rule=rule, argument=argument), {"prompts": {"exam": prompts}})

    def scored(
        self, prompts: Step[PromptSet], rule: str, argument: float = 0.0, reference: Step[Any] | None = None
    ) -> Step[ScoreSet]:
        inputs: dict[str, Any] = {"prompts": prompts, "completions": self.answered(prompts, rule, argument)}
        return step(score.score, score.Config(), inputs | ({"reference": reference} if reference else {}))

    def gated(self, before: Step[ScoreSet], after: Step[ScoreSet], **config: Any) -> Step[Verdict]:
        return step(gate.gate, gate.Config(**config), {"before": before, "after": after})


def make_benchmark(value: dict[str, Any]) -> Benchmark:
    """Build a benchmark from the mapping a recipe would hold."""
    family: Any = Benchmark
    found: Benchmark = make(family, value)
    return found


CITIES = ("北京", "上海", "广州", "深圳")


def question(number: int, kind: str = "capital") -> Conversation:
    """Return a question of the generated exam; the right answer moves round the four places."""
    return Conversation(
        id=f"{kind}-{number}",
        messages=(
            Message("system", "你是助手。"),
            Message("user", f"第{number}个城市是哪里？"),
            Message("assistant", f"是{CITIES[number % 4]}。"),
        ),
        source="test",
        kind=kind,
        meta={"choices": list(CITIES), "answer": CITIES[number % 4]},
    )


def subject_files(folder: Path, subjects: dict[str, list[str]]) -> Path:
    """Write rows (`question,A,B,C,D,answer`) as CMMLU's files: the same to dev/ and to test/."""
    for split in ("dev", "test"):
        (folder / split).mkdir(parents=True, exist_ok=True)
        for subject, rows in subjects.items():
            lines = [",Question,A,B,C,D,Answer", *(f"{number},{row}" for number, row in enumerate(rows))]
            (folder / split / f"{subject}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
