"""A finished step is known by what its manifest says, whatever became of its code and its inputs."""

import shutil
from pathlib import Path

import pytest
from tests.recipe.runs import Knowledge, finished, run_of

from zhiyin.artifacts import Page
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.recipe.held import held
from zhiyin.report import page

RUN = {"base": 0.4, "expert": 0.7}


def test_it_is_the_step_that_made_it(tmp_path: Path) -> None:
    made = run_of(RUN)
    one = held(finished(made, tmp_path))
    assert (one.folder, one.label, one.kind, one.version) == (made.folder, "page", "page", made.version)
    assert one.produces is Page
    assert one.flat_inputs == {}


def test_a_step_that_reads_it_is_made_and_then_held(tmp_path: Path) -> None:
    first = finished(run_of(RUN), tmp_path)
    reader = step(page.page, page.Config(title="Again"), {"runs": {"one": held(first)}})
    states: list[tuple[str, str]] = []
    for _ in range(2):
        run([reader], Runtime(store=tmp_path), lambda event: states.append((event.step.kind, event.state)))
    assert states == [("page", "held"), ("page", "making"), ("page", "made"), ("page", "held"), ("page", "held")]
    made = Page(tmp_path / reader.folder)
    assert made.manifest.inputs == {"runs.one": first.path.name}


def test_a_verb_whose_meaning_changed_since_is_held_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = run_of(RUN)
    first = finished(target, tmp_path)
    monkeypatch.setattr(Knowledge, "code_version", 2)
    assert run_of(RUN).folder != target.folder, "the same recipe would now be made anew"
    assert held(first).folder == target.folder


def test_what_it_came_from_may_be_gone(tmp_path: Path) -> None:
    first = finished(run_of(RUN), tmp_path)
    expected = held(first).folder
    for folder in tmp_path.glob("train-*"):
        shutil.rmtree(folder)
    assert held(first).folder == expected


def test_a_folder_that_was_renamed_is_refused(tmp_path: Path) -> None:
    first = finished(run_of(RUN), tmp_path)
    moved = first.path.rename(tmp_path / "mine")
    with pytest.raises(ValueError, match=f"{moved} was renamed: its manifest calls it {first.path.name}"):
        held(Page(moved))


def test_one_that_is_gone_by_the_time_it_is_read_is_never_made_up(tmp_path: Path) -> None:
    first = finished(run_of(RUN), tmp_path)
    reader = step(page.page, page.Config(title="Again"), {"runs": {"one": held(first)}})
    shutil.rmtree(first.path)
    with pytest.raises(FileNotFoundError, match="gone from the store"):
        run([reader], Runtime(store=tmp_path))
    assert not first.path.exists()
