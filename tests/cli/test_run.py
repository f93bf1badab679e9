"""`zhiyin run`: what is printed, what is left behind, and how it ends."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from zhiyin.cli.app import app

Call = Callable[..., Any]
LINKS = [
    "01-exam",
    "02-base",
    "03-answers_base",
    "04-score_base",
    "05-texts",
    "06-sft",
    "07-answers_sft",
    "08-score_sft",
    "09-summary",
    "10-verdict",
]


def test_run_then_nothing_to_make(here: Path, zhiyin: Call) -> None:
    first = zhiyin("run", "little.yaml")
    assert first.exit_code == 0, first.output
    lines = first.output.splitlines()
    assert lines[0] == "A little one (little.yaml)"
    assert [line for line in lines if re.fullmatch(r"\[ 6/10\] sft +made  0\.\d s", line)]
    assert "Made 10; 0 steps are held from before." in lines
    [quiz] = [line for line in lines if line.strip().startswith("exam ") and "accuracy" in line and "->" not in line]
    assert quiz.split() == ["exam", "accuracy", "500", "25.0", "%", "75.0", "%", "25.0", "%"]
    assert lines[lines.index(quiz) + 1].split() == ["15.0", "to", "35.0", "65.0", "to", "85.0"]
    assert "note: exam, base, sft: letters are not what it learnt" in first.output
    assert (
        "exam accuracy, base -> sft: +50.0 points (95 %: +40.0 to +60.0), p < 0.001, n=500; expected rise: yes"
        in first.output
    )
    page = next(Path("store").glob("page-*")) / "page.html"
    assert f"Report: {page.resolve()}" in lines
    assert page.resolve().as_uri() in first.output
    assert "sums" not in first.output

    second = zhiyin("run", "little.yaml")
    assert second.exit_code == 0
    assert "Nothing to make: all 10 steps are held." in second.output
    assert second.output.count("  held") == 10
    assert str(page.resolve()) in second.output
    assert quiz in second.output


def test_a_required_comparison_that_failed_ends_with_3_after_everything_was_made(here: Path, zhiyin: Call) -> None:
    ended = zhiyin("run", "little.yaml", "required=true")
    assert ended.exit_code == 3
    assert "verdict: expected a rise, but accuracy went from 1 to 2: x" in ended.output.splitlines()
    assert "Made 10; 0 steps are held from before." in ended.output
    assert zhiyin("run", "little.yaml", "required=true").exit_code == 3
    assert zhiyin("run", "little.yaml").exit_code == 0


def test_links(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    folder = here / "runs" / "little"
    assert sorted(link.name for link in folder.iterdir()) == LINKS
    before = (folder / "06-sft").resolve()
    assert os.readlink(folder / "06-sft") == f"../../store/{before.name}"
    assert before.name.startswith("train-")
    (folder / "notes.txt").touch()
    (folder / "07-old").symlink_to("../../store/none")
    zhiyin("run", "little.yaml", "rate=0.2")
    assert (folder / "06-sft").resolve() != before
    assert sorted(link.name for link in folder.iterdir()) == [*LINKS, "notes.txt"]


def test_store_elsewhere(here: Path, zhiyin: Call) -> None:
    assert zhiyin("run", "little.yaml", "--store", "deep/kept").exit_code == 0
    assert len(list(Path("deep/kept").glob("*/manifest.json"))) == 10
    assert (here / "deep/runs/little/01-exam/manifest.json").is_file()


def test_until(here: Path, zhiyin: Call) -> None:
    done = zhiyin("run", "little.yaml", "--until", "sft")
    assert done.exit_code == 0
    assert "[3/3] sft" in done.output
    assert sorted(link.name for link in Path("runs/little").iterdir()) == ["02-base", "05-texts", "06-sft"]
    wrong = zhiyin("run", "little.yaml", "--until", "stf")
    assert wrong.exit_code == 2
    assert "no step has the label 'stf' (did you mean 'sft'?)" in wrong.output


def test_failed_step(here: Path, zhiyin: Call) -> None:
    failed = zhiyin("run", "little.yaml", "fail=record 3 has [no] answer")
    assert failed.exit_code == 1
    assert "sft: record 3 has [no] answer\n5 steps are finished and kept in store/" in failed.output
    assert "sft keeps its last checkpoint" in failed.output
    assert "Traceback" not in failed.output
    assert not list(Path("store").glob("train-*"))
    assert len(list(Path("runs/little").iterdir())) == 5
    again = zhiyin("run", "little.yaml")
    assert "Made 5; 5 steps are held from before." in again.output


def test_failed_step_with_traceback(here: Path, zhiyin: Call) -> None:
    failed = zhiyin("run", "little.yaml", "fail=no answer", "--traceback")
    assert isinstance(failed.exception, ValueError)


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        ("key", "sft: KeyError: 'gone'"),
        ("module", "sft: No module named 'torch' (pip install 'zhiyin[train]' brings it)"),
    ],
)
def test_what_a_failure_says(here: Path, zhiyin: Call, fail: str, said: str) -> None:
    assert said in zhiyin("run", "little.yaml", f"fail={fail}").output


def test_a_report_on_a_broken_step_is_no_checkpoint(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from zhiyin.cli.making import _checkpoints

    folder = tmp_path / ".partial/train-1/checkpoints"
    folder.mkdir(parents=True)
    (folder / "broken-step-3.json").touch()
    (folder / "step-00000002.partial").mkdir()
    step: Any = SimpleNamespace(folder="train-1")
    assert list(_checkpoints(step, tmp_path)) == []
    (folder / "step-00000001").mkdir()
    assert list(_checkpoints(step, tmp_path)) == [folder / "step-00000001"]


def test_damaged_artifact_is_named(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    weights = next(Path("store").glob("train-*")) / "weights.bin"
    weights.write_bytes(b"1" * 2000)
    damaged = zhiyin("run", "little.yaml")
    assert damaged.exit_code == 1
    assert f"sft: {weights} has other bytes than were committed" in damaged.output


def test_broken_recipe_runs_nothing(here: Path, zhiyin: Call) -> None:
    Path("little.yaml").write_text("title: t\ndata:\n  a: {name: colect}\n  b: {}\n")
    refused = zhiyin("run", "little.yaml")
    assert refused.exit_code == 2
    assert "little.yaml:3: data.a.name: no step of data is called 'colect' (did you mean 'collect'?)" in refused.output
    assert "2 errors; nothing was run." in refused.output
    assert not Path("store").exists()
    assert zhiyin("run", "none.yaml").exit_code == 2


def test_bad_option(here: Path, zhiyin: Call) -> None:
    assert zhiyin("run", "little.yaml", "--workers", "0").exit_code == 2


def test_log_has_no_control_codes_and_the_second_run_is_light(here: Path, start: Call) -> None:
    out, err = start("run", "little.yaml").communicate(timeout=30)
    assert "\x1b" not in out + err
    assert "\r" not in out
    assert "[ 6/10] sft           making" in out
    began = time.monotonic()
    process = start("run", "little.yaml")
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 3
    assert process.returncode == 0
    assert "Nothing to make: all 10 steps are held." in out
    assert err.strip() == "heavy: []"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(here: Path, start: Call, number: int, code: int) -> None:
    process = start("run", "little.yaml", "seconds=30")
    for line in process.stdout:
        if "sft" in line and "making" in line:
            break
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert "Stopped.\n5 steps are finished and kept in store/.\nsft keeps its last checkpoint.\n" in err
    assert "Run the same command again to go on from there." in err
    assert "Traceback" not in out + err
    assert len(list(Path("runs/little").iterdir())) == 5


PINNED = """\
title: t
data:
  rows:
    name: collect
    source: {name: belle, hub: {repo: owner/set, revision: "0000000000000000000000000000000000000000", files: ["*"]}}
"""


def test_a_data_set_without_a_commit_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(PINNED, encoding="utf-8")
    ended = CliRunner().invoke(app, ["run", "r.yaml"])
    assert ended.exit_code == 2
    assert "no commit was chosen for owner/set" in ended.output
    assert "\n  rows.source.hub.revision=$(git ls-remote " in ended.output
    assert not Path("store").exists()
    explained = CliRunner().invoke(app, ["explain", "r.yaml"])
    assert explained.exit_code == 0, explained.output
