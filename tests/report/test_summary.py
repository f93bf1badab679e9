"""The before/after rows and the findings, as the terminal prints them."""

from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.report import history, summary


def test_a_row_aligns_the_models_and_leaves_a_gap_where_one_was_not_asked(made: dict[str, Any]) -> None:
    table = summary.before_after([made["sft_exam_text"], made["start_exam_text"], made["start_exam_letter"]])
    assert table.models == ("start", "sft")
    rows = {(row.benchmark, row.group): row for row in table.rows}
    text, letter = rows["exam_text", ""], rows["exam_letter", ""]
    assert [cell and cell.model for cell in text.cells] == ["start", "sft"]
    assert text.cells[1] is not None
    assert text.cells[1].score == next(iter(made["sft_exam_text"].scores))
    assert text.chance == 0.25
    assert text.protocol == "generated_exam, protocol text"
    assert letter.cells[1] is None
    assert letter.cells[0] is not None
    assert letter.cells[0].warnings == tuple(made["start_exam_letter"].manifest.summary["warnings"])


def test_the_same_score_set_under_two_names_counts_once(made: dict[str, Any]) -> None:
    twice = summary.before_after([made["start_exam_text"], made["start_exam_text"]])
    assert twice == summary.before_after([made["start_exam_text"]])


def test_two_answers_of_one_model_to_the_same_prompts_get_their_own_columns(
    made: dict[str, Any], tmp_path: Path
) -> None:
    """Score the start twice: the second copy of answers and scores stands beside the first, never in its place."""
    import shutil

    store = tmp_path / "store"
    shutil.copytree(made["start"].path.parent, store)
    names: dict[str, str] = {}
    for label in ("start_answers", "start_exam_text"):
        manifest = made[label].manifest
        inputs = {name: names.get(folder, folder) for name, folder in manifest.inputs.items()}
        names[made[label].path.name] = f"{manifest.kind}-ffff00000000"
        copy = store / names[made[label].path.name]
        shutil.copytree(made[label].path, copy)
        again = manifest.model_copy(update={"label": f"{label}_again", "fingerprint": "ffff00000000", "inputs": inputs})
        (copy / "manifest.json").write_text(again.model_dump_json(), encoding="utf-8")
    sets = [ScoreSet(store / made["start_exam_text"].path.name), ScoreSet(store / "score-ffff00000000")]
    table = summary.before_after(sets)
    assert table.models == ("start · start_answers", "start · start_answers_again")
    assert all(cell is not None for row in table.rows for cell in row.cells)


def test_a_finding_names_what_was_compared_and_whether_it_was_expected(made: dict[str, Any]) -> None:
    first, last = summary.findings([made["start_to_sft"], made["sft_to_偏好优化"]])
    assert (first.benchmark, first.before, first.after) == ("exam_text", "start", "sft")
    assert first.comparison == next(iter(made["start_to_sft"].comparisons))
    assert (first.expectation, first.met) == ("rise", True)
    assert (last.expectation, last.met) == ("not fall", False)


def test_nothing_expected_is_neither_met_nor_missed(made: dict[str, Any], tmp_path: Path) -> None:
    import shutil

    store = tmp_path / "store"
    shutil.copytree(made["start"].path.parent, store)
    folder = store / made["start_to_sft"].path.name
    manifest = made["start_to_sft"].manifest
    ruling = {**manifest.summary, "expect": "any", "met": {}, "group": "省会"}
    changed = manifest.model_copy(update={"summary": ruling})
    (folder / "manifest.json").write_text(changed.model_dump_json(), encoding="utf-8")
    (finding,) = summary.findings([Verdict(folder)])
    assert (finding.expectation, finding.met) == ("", None)
    assert finding.benchmark == "exam_text (省会)"


@pytest.mark.parametrize(
    ("measure", "value", "text", "change"),
    [
        ("accuracy", 0.71349, "71.3 %", "+71.3"),
        ("stopped", 1.0, "100.0 %", "+100.0"),
        ("reward_margin", 0.71349, "0.7135", "+0.713"),
        ("characters", 12.3456, "12.35", "+12.3"),
    ],
)
def test_values_carry_their_unit(measure: str, value: float, text: str, change: str) -> None:
    assert summary.written(measure, value) == text
    assert summary.difference(measure, value) == change


def test_p_values() -> None:
    assert [summary.p_value(p) for p in (None, 0.0004, 0.001, 0.0449)] == ["–", "< 0.001", "0.001", "0.045"]


def test_a_missing_input_is_named(made: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no input 'before'; it has completions, prompts"):
        history.parent(made["start_exam_text"], "before")


def test_without_a_model_the_answers_stand_for_it(made: dict[str, Any]) -> None:
    assert history.answerer(made["sft_answers"]).path == made["sft"].path
    assert history.answerer(Artifact(made["raw"].path)).path == made["raw"].path
