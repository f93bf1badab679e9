"""What a page shows is read back from its manifest."""

from pathlib import Path
from typing import Any

from zhiyin.artifacts import CompletionSet, Page, ScoreSet, Verdict
from zhiyin.execution.artifact import Manifest
from zhiyin.report.shown import Shown, runs_of


def names(made: dict[str, Any], *labels: str) -> list[str]:
    return [made[label].path.name for label in labels]


def test_a_page_shows_what_it_was_given(made: dict[str, Any]) -> None:
    shown = Shown.by(made["page"])
    assert [one.path.name for one in (*shown.data, *shown.models)] == names(made, "raw", "偏好优化")
    assert {type(one) for one in shown.scores} == {ScoreSet}
    assert len(shown.scores) == 12
    assert [one.path.name for one in shown.verdicts] == names(made, "start_to_sft", "control_to_sft", "sft_to_偏好优化")
    assert {type(one) for one in shown.verdicts} == {Verdict}
    assert {type(one) for one in shown.answers} == {CompletionSet}
    assert len(shown.roots) == 2 + 12 + 3 + 4
    assert runs_of(made["page"]) == {}


def test_what_several_pages_share_counts_once_and_the_first_comes_first(made: dict[str, Any]) -> None:
    shown = Shown.by(made["page"])
    few = Shown((), (), shown.scores[3:4], (), (), ())
    both = few.beside([shown, shown])
    assert [one.path.name for one in both.scores[:2]] == [shown.scores[3].path.name, shown.scores[0].path.name]
    assert len(both.roots) == len(shown.roots)


def test_a_page_about_runs_shows_what_each_of_them_shows(made: dict[str, Any], tmp_path: Path) -> None:
    first: Page = made["page"]
    (tmp_path / "page-1").mkdir()
    for folder in first.path.parent.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            (tmp_path / folder.name).symlink_to(folder)
    manifest = first.manifest
    inputs = {"runs.mine": first.path.name, "runs.a.b": first.path.name}
    above = Manifest(**{**manifest.model_dump(), "inputs": inputs})
    (tmp_path / "page-1" / "manifest.json").write_text(above.model_dump_json(), encoding="utf-8")
    page = Page(tmp_path / "page-1")
    assert {name: run.path.name for name, run in runs_of(page).items()} == {
        "mine": first.path.name,
        "a.b": first.path.name,
    }
    assert len(Shown.by(page).roots) == len(Shown.by(first).roots)
