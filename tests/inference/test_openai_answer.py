"""The step with a server instead of a model: what it takes, what it keeps, and that it goes on after a failure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.inference.test_answer import Folder, Questions, checkpoint, questions
from tests.inference.test_openai import HASTY
from tests.inference.unruly import Body, Unruly, asked, listening, parrot

from zhiyin.artifacts import CompletionSet, PromptSet
from zhiyin.execution import progress
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.execution.store import CHECKPOINTS, Store
from zhiyin.inference.answer import Config, answer
from zhiyin.inference.faults import Refused


@pytest.fixture
def server() -> Iterator[Unruly]:
    with listening(Unruly(parrot)) as unruly:
        yield unruly


def config(server: Unruly, access: Body | None = None, **settings: Any) -> Config:
    engine = {"name": "openai", "endpoint": server.url, "model": "parrot-1", "access": {**HASTY, **(access or {})}}
    return Config.model_validate({"engine": engine, "temperature": 1.0, "max_new_tokens": 64, **settings})


def answers(server: Unruly, access: Body | None = None, **settings: Any) -> Step[CompletionSet]:
    prompts = {kind: step(questions, Questions(kind=kind)) for kind in ("open", "drawn")}
    return step(answer, config(server, access, **settings), {"prompts": prompts})


def made(target: Step[CompletionSet], store: Path) -> CompletionSet:
    found = run([target], Runtime(store=store))[-1]
    assert isinstance(found, CompletionSet)
    return found


def test_no_model_is_needed(server: Unruly, tmp_path: Path) -> None:
    shown: list[tuple[int, int, str]] = []
    with progress.watched_by(lambda done, total, unit, facts: shown.append((done, total, unit))):
        result = made(answers(server), tmp_path)
    assert sorted(result.manifest.results) == ["drawn.jsonl", "open.jsonl"], "kept replies are no part of it"
    assert not (result.path / CHECKPOINTS).exists()
    prompts = PromptSet(tmp_path / result.manifest.inputs["prompts.drawn"])
    drawn = list(result.of(prompts))
    assert [(one.prompt_id, one.sample) for one in drawn] == [("d1", 0), ("d1", 1), ("d1", 2), ("d2", 0)]
    assert {"".join(sorted(one.text)) for one in drawn[:3]} == {"".join(sorted("花落"))}
    assert result.summary["open"]["template"] == "server"
    assert result.summary["open"]["generated_tokens"] > 0
    assert shown[-1] == (7, 7, "answers")
    assert "access" not in result.manifest.config["engine"]
    assert result.manifest.config["engine"]["model"] == "parrot-1"


def test_it_goes_on_after_a_failure(server: Unruly, tmp_path: Path) -> None:
    server.trouble = lambda asked, before: "401" if asked == "知多少" else None
    target = answers(server, access={"concurrency": 1})
    with pytest.raises(Refused, match="prompt d2: the endpoint refused it: 401"):
        made(target, tmp_path)
    paid = server.record.paid.total()
    assert paid == 6, "all that was asked before"
    kept = Store(tmp_path).partial(target) / CHECKPOINTS
    assert len(list(kept.rglob("*.json"))) == paid
    server.trouble = lambda asked, before: None
    result = made(target, tmp_path)
    assert set(server.record.paid.values()) == {1}
    assert server.record.paid.total() == 7
    assert made(answers(server, access={"timeout": 9.0, "concurrency": 3}), tmp_path).path == result.path
    assert server.record.tries.total() == 8, "another way to reach it is the same step"
    assert made(answers(server, seed=1), tmp_path).path != result.path


def test_a_model_is_given_exactly_when_one_is_opened(server: Unruly, folder: Path) -> None:
    given: dict[str, Any] = {"prompts": {"open": step(questions, Questions(kind="open"))}}
    with pytest.raises(ValueError, match="answer: answer needs the input 'model', Checkpoint or Adapter"):
        step(answer, Config(), given)
    model: Step[Artifact] = step(checkpoint, Folder(folder=folder))
    with pytest.raises(ValueError, match="answer: the engine openai asks a server for its model: take `model` away"):
        step(answer, config(server), {**given, "model": model})
    assert step(answer, Config(), {**given, "model": model}).produces is CompletionSet


def test_what_is_asked_is_what_the_prompts_say(server: Unruly, tmp_path: Path) -> None:
    made(answers(server), tmp_path)
    said = [asked(body) for _, body in server.record.bodies]
    assert sorted(said) == sorted(["春眠不觉晓，" * 20, "处处闻啼鸟", "花落知多少", *["花落"] * 3, "知多少"])


def test_what_it_costs_is_said_before(server: Unruly, tmp_path: Path) -> None:
    target = answers(server, access={"output_price": 1e6})
    asked = [run([each], Runtime(store=tmp_path))[-1] for each in target.flat_inputs.values()]
    (said,) = target.config.forecast({f"prompts.{number}": one for number, one in enumerate(asked)}, Runtime()) or ()
    assert said.startswith(f"{server.url}: 7 requests to parrot-1, about ")
    assert said.endswith(f"at most {7 * 64} to write, at most {7 * 64:.2f} at the given prices")
    assert list(target.config.forecast({"prompts.open": None}, Runtime()) or ()) == []
    assert list(Config().forecast({"prompts.open": asked[0]}, Runtime())) == []
    assert server.record.tries.total() == 0
