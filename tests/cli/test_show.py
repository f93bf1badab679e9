"""`zhiyin show`: every way to name an artifact, its record, and the check of its bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhiyin.cli.resolve import resolve

Call = Callable[..., Any]


@pytest.fixture
def trained(here: Path, zhiyin: Call) -> Path:
    """Return the folder of `sft` in a store where every step is made."""
    assert zhiyin("run", "little.yaml").exit_code == 0
    return next((here / "store").glob("train-*"))


def test_names(trained: Path) -> None:
    store = Path("store")
    for name in (str(trained), f"store/{trained.name}", "runs/little/06-sft", trained.name, trained.name[:9], "sft"):
        assert resolve(name, store) == trained.resolve()


def test_label_means_the_artifact_made_last(trained: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml", "rate=0.2")
    latest = resolve("sft", Path("store"))
    assert latest != trained
    assert resolve(trained.name, Path("store")) == trained


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stf", "called 'stf' (did you mean 'sft'?); there are answers_base"),
        ("score-", "'score-' fits 2 artifacts: score-"),
        ("runs", "runs is not a finished artifact: it has no manifest.json"),
        ("runs/little/gone", "runs/little/gone points to ../nowhere, which is gone"),
        ("", "no artifact, link or folder is called ''"),
    ],
)
def test_what_cannot_be_found(trained: Path, zhiyin: Call, name: str, said: str) -> None:
    Path("runs/little/gone").symlink_to("../nowhere")
    if not name:  # Path("") is the current folder
        with pytest.raises(LookupError, match="is not a finished artifact"):
            resolve(name, Path("store"))
        return
    refused = zhiyin("show", name)
    assert refused.exit_code == 2
    assert said in refused.output


def test_empty_store(here: Path, zhiyin: Call) -> None:
    assert "; store holds no artifact" in zhiyin("show", "sft").output


def test_record(trained: Path, zhiyin: Call) -> None:
    shown = zhiyin("show", "sft")
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[:2] == ["sft  (train, version 1)", str(trained)]
    assert "  learning_rate  0.1" in lines
    base = next(Path("store").glob("tiny-*")).name
    assert f"  model    base ({base})" in lines
    assert "  loss  0.25" in lines
    assert "  groups:" in lines
    assert "    a  1" in lines
    at = lines.index("  table:")
    assert lines[at + 1 : at + 4] == ["           taken  share", "    一: a     10    0.5", "    b          9      1"]
    assert "Files, 2.0 kB in all" in lines
    assert any(line.startswith("  weights.bin     2.0 kB  result  sha256 ") for line in lines)
    assert any(line.startswith("  peak_memory") and line.endswith(("MB", "GB")) for line in lines)
    assert lines[-1] == "Intact: the one file has the bytes that were committed."


def test_damage_is_found_though_size_and_time_agree(trained: Path, zhiyin: Call) -> None:
    import os

    weights = trained / "weights.bin"
    stat = weights.stat()
    weights.write_bytes(b"1" + b"0" * 1999)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    shown = zhiyin("show", "sft")
    assert shown.exit_code == 1
    assert f"Damaged: {weights} has other bytes than were committed" in shown.output
    assert "Intact" not in shown.output


def test_input_that_is_gone(trained: Path, zhiyin: Call) -> None:
    import shutil

    shutil.rmtree(next(Path("store").glob("tiny-*")))
    assert "  model    gone from the store (tiny-" in zhiyin("show", "sft").output


def test_the_items_that_flipped_are_listed_those_lost_first(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    lines = zhiyin("show", "verdict").output.splitlines()
    at = lines.index("Flipped items, 2 in all")
    assert lines[at + 1 : at + 3] == ["  right -> wrong  accuracy  2", "  wrong -> right  accuracy  1  (sums)"]
    assert "Flipped items" not in zhiyin("show", "sft").output
