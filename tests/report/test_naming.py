"""Columns are named by their model, and by more only where two would be the same."""

from pathlib import Path
from typing import Any

from zhiyin.artifacts import CompletionSet, ScoreSet
from zhiyin.execution.artifact import Manifest
from zhiyin.report.history import Runs
from zhiyin.report.naming import answer_names, column_names, labels


def put(store: Path, folder: str, label: str, **inputs: str) -> Path:
    """Write the manifest of an artifact, and nothing else."""
    kind, _, fingerprint = folder.partition("-")
    manifest = Manifest(
        label=label,
        kind=kind,
        module="m",
        version=1,
        fingerprint=fingerprint,
        config={},
        inputs=inputs,
        files={},
        summary={},
        provenance={},
    )
    (store / folder).mkdir()
    (store / folder / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return store / folder


def test_a_model_is_name_enough(made: dict[str, Any]) -> None:
    sets = [made["start_exam_text"], made["sft_exam_text"], made["start_exam_letter"]]
    assert list(column_names(sets).values()) == ["start", "sft", "start"]
    assert list(answer_names([made["start_answers"], made["sft_answers"]]).values()) == ["start", "sft"]
    assert column_names([]) == {}


def test_a_label_names_the_runs_that_have_it(made: dict[str, Any]) -> None:
    first, second = made["start_answers"], made["control_answers"]
    runs = Runs(("a", "b"), {first.path.name: frozenset("a"), second.path.name: frozenset("ab")})
    assert list(labels([first, second], runs).values()) == ["a · start_answers", "control_answers"]


def test_two_answers_of_one_model_are_told_apart_by_their_runs_and_else_by_their_labels(tmp_path: Path) -> None:
    put(tmp_path, "train-1", "sft")
    answers = [CompletionSet(put(tmp_path, f"answer-{n}", f"way{n}", model="train-1")) for n in (1, 2)]
    runs = Runs(("a", "b"), {"train-1": frozenset("ab"), "answer-1": frozenset("a"), "answer-2": frozenset("b")})
    assert list(answer_names(answers, runs).values()) == ["a · sft", "b · sft"]
    assert list(answer_names(answers).values()) == ["sft · way1", "sft · way2"]


def test_two_models_are_never_one_column(tmp_path: Path) -> None:
    """By its run alone the other model of that label, asked other prompts, would stand in the first one's column."""
    put(tmp_path, "train-1", "sft")
    put(tmp_path, "train-2", "sft")
    members = {"train-1": frozenset("ab"), "train-2": frozenset("a")}
    sets = []
    for number, (model, prompts, run) in enumerate((("1", "p", "a"), ("1", "p", "b"), ("2", "q", "a"))):
        put(tmp_path, f"answer-{number}", "answers", model=f"train-{model}")
        inputs = {"prompts": f"prepare-{prompts}", "completions": f"answer-{number}"}
        sets.append(ScoreSet(put(tmp_path, f"score-{number}", f"score{number}", **inputs)))
        members |= {f"answer-{number}": frozenset(run), f"score-{number}": frozenset(run)}
    names = list(column_names(sets, Runs(("a", "b"), members)).values())
    assert len(set(names)) == 3
    assert names[1] == "sft · b · answers"
