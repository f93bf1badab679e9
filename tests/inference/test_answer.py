"""The step, end to end in a temporary store: prompts of every kind in, completions in order out."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import PreTrainedModel

from zhiyin.artifacts import Checkpoint, CompletionSet, PromptSet
from zhiyin.chat.encode import Encoder
from zhiyin.execution import progress
from zhiyin.execution.config import InputPath, StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.inference.answer import Config, answer
from zhiyin.inference.choices import log_probabilities
from zhiyin.inference.encoding import continuation, question_ids
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

POSITIONS = 96


class Folder(StepConfig):
    """A model that is already there."""

    folder: InputPath
    """Where."""


class Questions(StepConfig):
    """Which set of prompts."""

    kind: str
    """The name of a set below."""


def said(name: str, text: str, **more: object) -> Prompt:
    return Prompt(name, messages=(Message("user", text),), **more)  # type: ignore[arg-type]


SETS = {
    "exam": [
        said("e1", "中国的首都是？", choices=("北京", "上海")),
        Prompt("e2", text="答案是：", choices=(" A", " B", " C", " D")),
        Prompt("e3", text="", choices=("春眠不觉晓，处处闻啼鸟。",)),
        Prompt("e4", text="夜来风雨声" * 30, choices=("花", "落")),
    ],
    "open": [
        said("o1", "春眠不觉晓，" * 20),
        said("o2", "处处闻啼鸟"),
        Prompt("o3", text="花落知多少"),
    ],
    "drawn": [said("d1", "花落", samples=3), said("d2", "知多少", samples=1)],
}


def checkpoint(config: Folder, *, out: Path, runtime: Runtime) -> Checkpoint:
    shutil.copytree(config.folder, out, dirs_exist_ok=True)
    return Checkpoint(out)


def questions(config: Questions, *, out: Path, runtime: Runtime) -> PromptSet:
    return PromptSet.write(out, SETS[config.kind])


def answers(folder: Path, config: Config, *kinds: str) -> Step[CompletionSet]:
    prompts = {kind: step(questions, Questions(kind=kind)) for kind in kinds}
    return step(answer, config, {"model": step(checkpoint, Folder(folder=folder)), "prompts": prompts})


def test_every_kind_of_prompt(folder: Path, gemma2: PreTrainedModel, encoder: Encoder, tmp_path: Path) -> None:
    runtime = Runtime(store=tmp_path, device="cpu", micro_batch_tokens=300)
    shown: list[tuple[int, int, str]] = []
    with progress.watched_by(lambda done, total, unit, facts: shown.append((done, total, unit))):
        made = run([answers(folder, Config(max_new_tokens=8), "exam", "open")], runtime)
    result = made[-1]
    assert isinstance(result, CompletionSet)
    sets = {kind: one for kind, one in zip(("exam", "open"), made[1:3], strict=True)}
    exam, opened = (list(result.of(PromptSet(sets[kind].path))) for kind in ("exam", "open"))

    assert [completion.prompt_id for completion in exam] == ["e1", "e2", "e3", "e4"]
    for prompt, completion in zip(SETS["exam"], exam, strict=True):
        asked = [continuation(prompt, choice, encoder).within(POSITIONS) for choice in prompt.choices]
        expected = log_probabilities(gemma2, asked, micro_batch_tokens=1)
        assert list(completion.choice_logprobs) == pytest.approx(expected, abs=2e-5)
        assert completion.choice_tokens == tuple(len(one.tokens) for one in asked)
        assert completion.prompt_tokens == len(asked[0].context)
        assert (completion.text, completion.stopped, completion.tokens) == ("", "", 0)
    assert [completion.truncated for completion in exam] == [False, False, False, True]

    assert [completion.prompt_id for completion in opened] == ["o1", "o2", "o3"]
    assert [completion.truncated for completion in opened] == [True, False, False]
    assert opened[0].prompt_tokens == POSITIONS - 8
    assert opened[1].prompt_tokens == len(question_ids(SETS["open"][1], encoder))
    assert all(completion.tokens == 8 for completion in opened if completion.stopped == "length")

    assert result.summary["exam"] == {
        "prompts": 4,
        "answers": 4,
        "generated_tokens": 0,
        "stopped_by_length": 0.0,
        "truncated": 1,
        "template": "gemma2",
    }
    by_length = sum(completion.stopped == "length" for completion in opened)
    assert result.summary["open"]["stopped_by_length"] == by_length / 3
    assert result.summary["open"]["generated_tokens"] == sum(completion.tokens for completion in opened)
    assert shown[-1] == (7, 7, "answers")
    assert result.manifest.files["telemetry/speed.json"].role == "telemetry"
    assert sorted(result.manifest.results) == ["exam.jsonl", "open.jsonl"]
    speed = json.loads((result.path / "telemetry" / "speed.json").read_text())
    assert set(speed) == {"exam", "open"}
    assert speed["exam"]["tokens_per_second"] > 0


def test_samples_differ_and_come_again(folder: Path, tmp_path: Path) -> None:
    texts = []
    for store, limit in (("a", 8192), ("b", 1)):
        runtime = Runtime(store=tmp_path / store, device="cpu", micro_batch_tokens=limit)
        made = run([answers(folder, Config(max_new_tokens=8, temperature=1.0), "drawn")], runtime)
        result = made[-1]
        assert isinstance(result, CompletionSet)
        completions = list(result.of(PromptSet(made[1].path)))
        assert [(one.prompt_id, one.sample) for one in completions] == [("d1", 0), ("d1", 1), ("d1", 2), ("d2", 0)]
        texts.append([one.text for one in completions])
    assert texts[0] == texts[1], "the batch does not decide what is drawn"
    assert len(set(texts[0][:3])) == 3


def test_another_template_changes_the_answer_and_is_named(folder: Path, tmp_path: Path) -> None:
    runtime = Runtime(store=tmp_path, device="cpu")
    own = answers(folder, Config(max_new_tokens=8), "open")
    other = answers(folder, Config.model_validate({"max_new_tokens": 8, "template": "gemma2_system"}), "open")
    assert own.fingerprint != other.fingerprint
    made = [one for one in run([own, other], runtime) if isinstance(one, CompletionSet)]
    assert [one.summary["open"]["template"] for one in made] == ["gemma2", "gemma2_system"]
    asked = PromptSet(tmp_path / own.flat_inputs["prompts.open"].folder)
    first, second = (list(one.of(asked)) for one in made)
    assert first[1].prompt_tokens < second[1].prompt_tokens
    assert first[2] == second[2], "raw text knows no template"


def test_more_new_tokens_than_positions_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_new_tokens is 96, but the model takes 96 tokens"):
        run([answers(folder, Config(max_new_tokens=96), "open")], Runtime(store=tmp_path, device="cpu"))


def test_the_defaults_are_written_by_name() -> None:
    plain = Config().plain()
    assert plain["engine"]["name"] == "transformers"
    assert plain["strategy"]["name"] == "direct"
    assert Config.model_validate({"engine": "transformers", "strategy": "direct"}) == Config()
