"""Whatever wraps it, the refusal of a disk is found, and told with what to do."""

import errno
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import Result

from zhiyin.cli import links
from zhiyin.cli.disk import DiskFault, disk_fault
from zhiyin.execution.store import Store
from zhiyin.recipe import wiring

FOLDER = Path("store/.partial/train-1")


def refused(number: int, *path: str) -> OSError:
    return OSError(number, os.strerror(number), *path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_the_number_of_the_system_is_kept_and_the_file_it_names(number: int) -> None:
    assert disk_fault(refused(number, "a/b.bin"), FOLDER) == DiskFault(number, Path("a/b.bin"))
    assert disk_fault(refused(number), FOLDER) == DiskFault(number, FOLDER)


def test_an_error_in_rust_is_told_by_its_message() -> None:
    error = Exception("Error while serializing: I/O error: No space left on device (os error 28)")
    assert disk_fault(error, FOLDER) == DiskFault(errno.ENOSPC, FOLDER)


def test_the_error_of_a_copied_folder_is_told_by_its_message_and_that_of_a_copied_file_names_the_copy() -> None:
    error = shutil.Error([("a", "b", str(refused(errno.ENOSPC, "a")))])
    assert disk_fault(error, FOLDER) == DiskFault(errno.ENOSPC, FOLDER)
    copy = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a", None, "b")
    assert disk_fault(copy, FOLDER) == DiskFault(errno.ENOSPC, Path("b"))


def test_the_error_behind_an_error_is_found() -> None:
    wrapped = ValueError("cannot write")
    wrapped.__cause__ = refused(errno.EIO, "x")
    assert disk_fault(wrapped, FOLDER) == DiskFault(errno.EIO, Path("x"))
    while_handling = RuntimeError("and then this")
    while_handling.__context__ = wrapped
    assert disk_fault(while_handling, FOLDER) == DiskFault(errno.EIO, Path("x"))


@pytest.mark.parametrize(
    "error", [ValueError("28"), FileNotFoundError(errno.ENOENT, "gone"), Exception("(os error 2)"), KeyError("x")]
)
def test_another_error_is_none_of_a_disk(error: Exception) -> None:
    assert disk_fault(error, FOLDER) is None


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    fault = DiskFault(errno.ENOSPC, tmp_path / "not" / "there")
    assert fault.cause == "the disk is full"
    assert fault.advice.endswith("B are free there. Free some space and run again.")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_every_word_of_it_is_known_in_chinese(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "zh")
    told = DiskFault(number, FOLDER)
    for words in (told.cause, told.advice):
        assert re.search(r"[\u4e00-\u9fff]", words)


def test_a_run_names_the_step_the_file_the_cause_and_what_to_do(
    here: Path, zhiyin: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise refused(errno.ENOSPC)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        failed = zhiyin("run", "little.yaml", "--until", "base")
    assert failed.exit_code == 1
    first, advice, *rest = failed.stderr.splitlines()
    assert re.fullmatch(r"base: the disk is full: store/\.partial/tiny-\w+/config\.json", first)
    assert advice.endswith("B are free there. Free some space and run again.")
    assert rest[0] == "0 steps are finished and kept in store/."
    assert zhiyin("run", "little.yaml", "--until", "base").exit_code == 0


def test_links_that_cannot_be_renewed_do_not_fail_a_run_nor_hide_its_failure(
    here: Path, zhiyin: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: Path, *arguments: object) -> None:
        raise refused(errno.EROFS, str(folder))

    monkeypatch.setattr(links, "refresh", closed)
    note = "The links in runs/little/ could not be renewed: the disk is read-only.\n"
    done = zhiyin("run", "little.yaml")
    assert (done.exit_code, done.stderr) == (0, note)
    failed = zhiyin("run", "little.yaml", "fail=no answer")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("sft: no answer\n")
    assert failed.stderr.endswith(note)


def test_right_links_are_not_written_again_and_leftovers_of_a_kill_go(
    here: Path, zhiyin: Callable[..., Result]
) -> None:
    zhiyin("run", "little.yaml")
    folder = here / "runs" / "little"
    before = {link.name: link.lstat().st_ino for link in folder.iterdir()}
    (folder / ".06-sft.1").symlink_to("nowhere")
    zhiyin("run", "little.yaml")
    assert {link.name: link.lstat().st_ino for link in folder.iterdir()} == before


def test_two_that_renew_the_same_links_take_turns(here: Path, zhiyin: Callable[..., Result]) -> None:
    zhiyin("run", "little.yaml")
    recipe, store = wiring.load_recipe(Path("little.yaml")), Store(Path("store"))
    folder = links.place(recipe.name, store)
    before = {link.name: os.readlink(link) for link in folder.iterdir()}

    def renew(number: int) -> None:
        """Remove every link, or make every one."""
        links.refresh(folder, recipe.steps if number % 2 else {}, store)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(renew, range(200))) == [None] * 200
    links.refresh(folder, recipe.steps, store)
    assert {link.name: os.readlink(link) for link in folder.iterdir()} == before
