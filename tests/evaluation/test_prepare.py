"""Prompt sets: what a benchmark needs, and what may not be asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, given, make_benchmark, question

from zhiyin.evaluation import prepare as module
from zhiyin.evaluation.benchmarks import Benchmark, Records
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Document, Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

EXAM = {"name": "generated_exam", "protocol": "letter"}


def test_prompts_are_written_with_the_benchmark_in_the_manifest(desk: Desk) -> None:
    prompts = desk.run(desk.prepared(EXAM, given([question(0), question(1, "sum")])))
    assert [prompt.id for prompt in prompts] == ["capital-0", "sum-1"]
    assert prompts.summary == {"prompts": 2, "groups": {"capital": 1, "sum": 1}}
    assert prompts.manifest.config["benchmark"]["name"] == "generated_exam"


def test_a_missing_input_fails_when_the_plan_is_built(desk: Desk) -> None:
    with pytest.raises(ValueError, match="generated_exam asks about records: give it `records`, a ConversationSet"):
        desk.prepared(EXAM)


def test_a_wrong_input_fails_when_the_plan_is_built(desk: Desk) -> None:
    with pytest.raises(ValueError, match="reads a ConversationSet, but `records` is a TextSet"):
        desk.prepared(EXAM, given([Document("d", "文", "test")]))


def test_a_needless_input_fails_when_the_plan_is_built(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cmmlu reads its own files: take `records` away"):
        desk.prepared({"name": "cmmlu", "folder": str(tmp_path)}, given([question(0)]))


class Fixed(Benchmark):
    """Asks what the test says."""

    asked: Any = ()
    """The prompts."""

    def prompts(self, records: Records | None) -> Iterator[Prompt]:
        yield from self.asked

    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        raise AssertionError("nothing is marked here")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([Prompt("a", text=""), Prompt("a", text="b")], "prompt id 'a' is empty or was used before"),
        ([Prompt("", text="b")], "prompt id ''"),
        ([Prompt("a")], "prompt a: it needs either messages or text"),
        ([Prompt("a", text="b", messages=(Message("user", "c"),))], "not both"),
        ([Prompt("a", text="b", choices=("x", ""))], "prompt a: no choice may be empty"),
        ([Prompt("a", text="b", samples=0)], "`samples` must be 1 or more"),
        ([], "has no prompts"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: Sequence[Prompt], message: str, tmp_path: Path) -> None:
    config = module.Config(benchmark=Fixed(asked=asked))
    with pytest.raises(ValueError, match=message):
        module.prepare(config, out=tmp_path, runtime=Runtime())


def test_an_unknown_benchmark_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'cmmlu'"):
        make_benchmark({"name": "cmlu"})
