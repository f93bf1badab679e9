"""A checkpoint is whole or not there, whatever the disk says, and one that failed leaves its room to the next."""

import errno
import os
from pathlib import Path

import pytest

from zhiyin.training.checkpoints import begin, finish, latest


def write(folder: Path, step: int) -> Path:
    """Write a checkpoint as far as its files."""
    partial = begin(folder, step)
    for name in ("weights.safetensors", "state.json"):
        (partial / name).write_text(str(step))
    return partial


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_one_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    finish(write(tmp_path, 1))
    finish(write(tmp_path, 12))
    assert latest(tmp_path) == tmp_path / "step-00000012"
    assert names(tmp_path) == ["step-00000012"]


def test_one_that_was_cut_off_is_not_read_and_gives_its_room_back(tmp_path: Path) -> None:
    finish(write(tmp_path, 1))
    write(tmp_path, 2)
    assert latest(tmp_path) == tmp_path / "step-00000001"
    begin(tmp_path, 3)
    assert names(tmp_path) == ["step-00000001", "step-00000003.partial"]


@pytest.mark.parametrize("failing", ["state.json", "step-00000002.partial"])
def test_a_failed_flush_names_the_file_keeps_the_one_before_and_leaks_no_descriptor(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(write(tmp_path, 1))
    partial = write(tmp_path, 2)
    sync = os.fsync

    def broken(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(failing):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=f"Input/output error: .*{failing}'$"):
        finish(partial)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert latest(tmp_path) == tmp_path / "step-00000001"
    assert (partial / "state.json").exists() == (failing != "state.json")


def test_the_new_name_is_on_the_disk_before_the_old_checkpoint_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(write(tmp_path, 1))
    partial = write(tmp_path, 2)
    seen: list[list[str]] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            seen.append(names(tmp_path))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    finish(partial)
    assert seen == [["step-00000001", "step-00000002"]]
