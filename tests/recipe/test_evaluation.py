"""Benchmarks as words on the command line, and which artifacts are models."""

import json
from pathlib import Path

import pytest
from tests.house.tree import ROOT

from zhiyin.artifacts import Adapter, Checkpoint, TextSet
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.recipe import evaluation
from zhiyin.records.conversation import Document

SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"question": "1 + 1?", "answer": "#### 2"}) + "\n", encoding="utf-8")
    return file


def test_settings_follow_the_name_and_a_label_stands_before_it(questions: Path) -> None:
    ((label, one),) = evaluation.benchmarks(f"gsm8k file={questions} limit=3").items()
    assert (label, one.name) == ("gsm8k", "gsm8k")
    assert one.plain()["limit"] == 3
    ((label, one),) = evaluation.benchmarks(f"'few=gsm8k' file='{questions}' protocol=harness_cot").items()
    assert (label, one.plain()["protocol"]) == ("few", "harness_cot")


def test_every_protocol_is_asked_under_its_name(questions: Path) -> None:
    found = evaluation.benchmarks(f"sums=gsm8k file={questions} protocol=all")
    assert {label: one.plain()["protocol"] for label, one in found.items()} == {
        "sums_zeroeval": "zeroeval",
        "sums_harness_cot": "harness_cot",
    }


def test_files_are_looked_for_under_the_name(questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "DATA", tmp_path)
    with pytest.raises(ValueError, match="no such file or folder"):
        evaluation.benchmarks("gsm8k")
    (tmp_path / "gsm8k").mkdir()
    questions.rename(tmp_path / "gsm8k" / "test.jsonl")
    (one,) = evaluation.benchmarks("gsm8k").values()
    assert [prompt.reference for prompt in one.prompts(None)] == ["2"]


def test_a_benchmark_may_lie_deeper_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "DATA", tmp_path)
    (tmp_path / "mmlu" / "test").mkdir(parents=True)
    (plain,) = evaluation.benchmarks("mmlu").values()
    assert plain.plain()["folder"]["path"] == str(tmp_path / "mmlu")
    (tmp_path / "mmlu" / "hendrycks_layout").mkdir()
    (deeper,) = evaluation.benchmarks("mmlu").values()
    assert deeper.plain()["folder"]["path"] == str(tmp_path / "mmlu" / "hendrycks_layout")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs {SHARED}")
def test_the_exams_are_found_as_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "DATA", SHARED)
    for name, questions in (("mmlu", 57 * 2), ("cmmlu", 67 * 2), ("ceval", 52 * 2)):
        (one,) = evaluation.benchmarks(f"{name} shots=5 limit_per_subject=2").values()
        assert len(list(one.prompts(None))) == questions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gsm8", r"no Benchmark is called 'gsm8' \(did you mean 'gsm8k'\?\)"),
        ("", "no Benchmark is called ''"),
        ("gsm8k shots", "expected NAME and then KEY=VALUE, found 'shots'"),
        ("perplexity limits=3", "limits"),
        ("perplexity protocol=all", "perplexity has no protocols to choose from"),
    ],
)
def test_what_is_not_understood_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluation.benchmarks(text)


def checkpoint(config: StepConfig, *, out: Path, runtime: Runtime) -> Checkpoint:
    (out / "config.json").write_text("{}")
    return Checkpoint(out, {})


def adapter(config: StepConfig, *, out: Path, runtime: Runtime) -> Adapter:
    (out / "adapter_config.json").write_text("{}")
    return Adapter(out, {})


def texts(config: StepConfig, *, out: Path, runtime: Runtime) -> TextSet:
    return TextSet.write(out, [Document("d", "春", "test")])


def test_models_are_told_by_what_lies_in_them(tmp_path: Path) -> None:
    made = run([step(verb, StepConfig()) for verb in (checkpoint, adapter, texts)], Runtime(store=tmp_path))
    assert type(evaluation.model(made[0].path)) is Checkpoint
    assert type(evaluation.model(made[1].path)) is Adapter
    with pytest.raises(ValueError, match=r"texts is no model: .* has neither"):
        evaluation.model(made[2].path)


def test_models_from_elsewhere_are_told_from_words_of_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    assert evaluation.outside(str(folder), None) is None, "there is no model in it"
    (folder / "config.json").write_text("{}")
    found = evaluation.outside(str(folder), "gemma2")
    assert found is not None
    assert (found.label, found.kind) == ("my model", "fetch")
    assert found.config.plain()["template"]["name"] == "gemma2"
    (folder / "manifest.json").write_text("{}")
    assert evaluation.outside(str(folder), None) is None, "an artifact of a store is opened there"
    commit = "0123456789abcdef0123456789abcdef01234567"
    hub = evaluation.outside(f"google/gemma-2-9b-it@{commit}", None)
    assert hub is not None
    plain = hub.config.plain()
    assert (hub.label, plain["repo"], plain["revision"]) == ("gemma-2-9b-it", "google/gemma-2-9b-it", commit)
    for text in ("base", "google/gemma-2-9b-it", "google/gemma-2-9b-it@main", f"gemma@{commit}"):
        assert evaluation.outside(text, None) is None
