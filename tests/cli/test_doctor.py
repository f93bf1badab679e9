"""`zhiyin doctor`: what is there, what is missing, and when that is an error."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhiyin.cli import health, packages
from zhiyin.cli.health import stored
from zhiyin.cli.packages import Package, remedy

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch takes seconds to import, and is asked for devices only."""
    monkeypatch.setattr(health, "installed", lambda name: None if name == "torch" else packages.installed(name))


def test_sound(here: Path, zhiyin: Call) -> None:
    shown = zhiyin("doctor")
    assert shown.exit_code == 0, shown.output
    assert "  python  " in shown.output
    assert "  pydantic  " in shown.output
    assert "unknown without torch; pip install 'zhiyin[train]' brings it" in shown.output
    assert "../shared/data is not there; only recipes on real data need it" in shown.output
    assert "  artifacts  0, 0 B" in shown.output
    assert shown.output.splitlines()[-1] == "Everything needed is there."
    assert not Path("store").exists()


def test_data(here: Path, zhiyin: Call) -> None:
    Path("data/cmmlu").mkdir(parents=True)
    assert "  shared data  data (1 entry)" in zhiyin("doctor", "--data", "data").output


def test_missing_packages(here: Path, zhiyin: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = [Package("msgspec", "", "1"), Package("peft", "train", None)]
    monkeypatch.setattr(health, "packages", lambda: extra)
    shown = zhiyin("doctor")
    assert shown.exit_code == 0
    assert "  peft     missing; pip install 'zhiyin[train]' brings it\n" in shown.output
    monkeypatch.setattr(health, "packages", lambda: [Package("msgspec", "", None)])
    shown = zhiyin("doctor")
    assert shown.exit_code == 1
    assert "  msgspec  missing; pip install zhiyin brings it  <- needed" in shown.output
    assert "1 of these needs attention." in shown.output


def test_packages_come_from_the_project() -> None:
    found = {package.name: package.extra for package in packages.packages()}
    assert found["pydantic"] == found["ruamel.yaml"] == ""
    assert (found["torch"], found["scipy"], found["jinja2"], found["pytest"]) == ("train", "eval", "report", "dev")
    assert "zhiyin" not in found
    assert remedy("torch.nn") == " (pip install 'zhiyin[train]' brings it)"
    assert remedy("no_such") == ""


def test_store(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    shown = zhiyin("doctor").output
    assert "  artifacts  10, " in shown
    assert "sizes as committed; --verify reads all" in shown
    assert "all as committed" in zhiyin("doctor", "--verify").output
    weights = next(Path("store").glob("train-*")) / "weights.bin"
    stat = weights.stat()
    weights.write_bytes(b"1" * 2000)
    import os

    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert zhiyin("doctor").exit_code == 0
    damaged = zhiyin("doctor", "--verify")
    assert damaged.exit_code == 1
    assert f"  sft        damaged: {weights} has other bytes than were committed" in damaged.output


def test_unfinished(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml", "fail=x")
    [partial] = [path for path in Path("store/.partial").iterdir() if path.is_dir()]
    assert f"{partial.name} was cut off; the next run of its recipe takes it up" in zhiyin("doctor").output
    with partial.with_name(partial.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        [check] = [check for check in stored(Path("store"), thorough=False) if check.name == "unfinished"]
    assert check.found == f"{partial.name} is being made now"


def test_store_that_cannot_be_written(here: Path, zhiyin: Call) -> None:
    Path("file").touch()
    shown = zhiyin("doctor", "--store", "file/store")
    assert shown.exit_code == 1
    assert "cannot be written  <- needed" in shown.output
