"""Broken data through `zhiyin run`: files are named, rows kept or set aside, and nothing ends in a traceback."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.data.broken_files import BAD_FILES, File
from tests.data.broken_records import NO_RECORDS, ODD
from tests.data.broken_rows import GOOD, NO_ROWS, Rows, lines
from typer.testing import Result

from zhiyin.data.files import FileRows, SourceFile

Call = Callable[..., Result]
BAD_ROWS = (*NO_ROWS, *NO_RECORDS)


def recipe(source: str, file: str, max_rejected: float) -> str:
    """Write `r.yaml`, which collects one file, and return its name."""
    Path("r.yaml").write_text(
        f"title: t\ndata:\n  rows:\n    name: collect\n    max_rejected: {max_rejected}\n"
        f"    source: {{name: {source}, files: [{file}]}}\n",
        encoding="utf-8",
    )
    return "r.yaml"


def found(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").split("\n")[:-1]]


def folder_of(place: str) -> Path:
    """Return the one folder there is below a place."""
    [folder] = [path for path in Path(place).glob("collect-*") if path.is_dir()]
    return folder


def named(case: Rows | File) -> str:
    return f"{case.fault or 'sound'}: {case.name}"


def only_words(result: Result) -> str:
    """Return what was printed, having seen that nothing was thrown."""
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", BAD_ROWS, ids=named)
def test_bad_rows_are_set_aside_and_counted(zhiyin: Call, case: Rows) -> None:
    Path(case.file).write_bytes(case.written)
    done = zhiyin("run", recipe(case.source, case.file, 1))
    only_words(done)
    assert done.exit_code == (0 if case.kept else 1), done.output
    folder = folder_of("store" if case.kept else "store/.partial")
    rejected = found(folder, "rejected.jsonl")
    assert [row["where"] for row in rejected] == [f"{case.file}:{number}" for number in case.rejected]
    for row, reason in zip(rejected, case.rejected.values(), strict=True):
        assert row["reason"].startswith(reason)
        assert row["row"] or reason == "a file without rows"
    assert len(found(folder, "records.jsonl")) == case.kept
    if case.kept:
        summary = json.loads((folder / "manifest.json").read_text())["summary"]
        assert summary["records"] == case.kept
        assert summary["rejected"] == Counter(row["reason"] for row in rejected)


@pytest.mark.parametrize("case", BAD_ROWS, ids=named)
def test_no_bad_row_is_let_through_where_none_may_be(zhiyin: Call, case: Rows) -> None:
    Path(case.file).write_bytes(case.written)
    failed = zhiyin("run", recipe(case.source, case.file, 0))
    said = only_words(failed)
    assert failed.exit_code == 1
    count = len(case.rejected)
    assert f"rows: {case.source}: {count} of {case.kept + count} rows rejected (" in said
    assert f"max_rejected is 0.0%), {case.kept} records kept" in said
    place, reason = next(iter(case.rejected.items()))
    assert f"x {reason}" in said
    assert f"; first at {case.file}:{place}" in said
    assert f"in {folder_of('store/.partial')}/rejected.jsonl." in said
    assert len(found(folder_of("store/.partial"), "rejected.jsonl")) == count
    assert not list(Path("store").glob("collect-*"))


@pytest.mark.parametrize("case", ODD, ids=named)
def test_what_only_looks_broken_is_read(zhiyin: Call, case: Rows) -> None:
    Path(case.file).write_bytes(case.written)
    done = zhiyin("run", recipe(case.source, case.file, 0))
    assert done.exit_code == 0, done.output
    assert len(found(folder_of("store"), "records.jsonl")) == case.kept


@pytest.mark.parametrize("case", BAD_FILES, ids=named)
def test_a_file_that_cannot_be_read_is_named(zhiyin: Call, case: File) -> None:
    case.write(Path(case.file).absolute())
    failed = zhiyin("run", recipe(case.source, case.file, 1))
    said = only_words(failed)
    assert case.said in said
    assert case.file in said or case.refused
    if case.refused:
        assert failed.exit_code == 2
        assert said.startswith("r.yaml:")
        assert "1 error; nothing was run." in said
        assert not Path("store").exists()
    else:
        assert failed.exit_code == 1
        assert "\nrows: " in said
        assert "finished and kept in store/" in said
        assert not list(Path("store").glob("collect-*"))


def test_there_are_enough_of_them() -> None:
    classes = Counter(case.fault for case in (*BAD_ROWS, *BAD_FILES))
    for fault, count in classes.most_common():
        sys.stdout.write(f"{count:3} {fault}\n")
    sys.stdout.write(f"{classes.total()} files in {len(classes)} classes, and {len(ODD)} that are sound\n")
    names = [named(case) for case in (*BAD_ROWS, *BAD_FILES, *ODD)]
    assert len(set(names)) == len(names)
    assert (len(BAD_ROWS), len(BAD_FILES), len(ODD), len(classes)) == (76, 60, 11, 29)
    assert {case.source for case in (*BAD_ROWS, *BAD_FILES)} == {
        *("alpaca_json", "chinese_poetry", "classical_modern", "gemmalm_chinese"),
        *("preference_json", "sharegpt", "text"),
    }


def test_the_same_file_twice_would_share_ids(zhiyin: Call) -> None:
    Path("a.json").write_bytes(GOOD)
    failed = zhiyin("run", recipe("alpaca_json", "a.json, ./a.json", 1))
    assert failed.exit_code == 1
    assert "a.json and a.json are both called a.json, so their records would share ids" in only_words(failed)


@pytest.mark.parametrize(
    ("when", "change", "said"),
    [
        ("before", lambda path: path.unlink(), "a.jsonl: the file is gone"),
        (
            "before",
            lambda path: path.write_bytes(lines(GOOD, GOOD)),
            "a file it reads changed since the run was planned",
        ),
        ("between", lambda path: path.unlink(), "a.jsonl: the file cannot be read: it is gone"),
        ("after", lambda path: path.unlink(), "a.jsonl: the file cannot be read: it is gone"),
        ("after", lambda path: path.write_bytes(GOOD), "a.jsonl: the file changed while it was read; run again"),
    ],
)
def test_a_file_that_changes_under_the_run(
    zhiyin: Call, monkeypatch: pytest.MonkeyPatch, when: str, change: Callable[[Path], object], said: str
) -> None:
    """Its bytes are the identity of the result: one made of others must not be kept under that name."""
    Path("a.jsonl").write_bytes(lines(GOOD, GOOD, GOOD))
    locate, read = FileRows.located, FileRows.read

    def located(self: FileRows) -> list[SourceFile]:
        if when == "before":
            change(Path("a.jsonl"))
        files = locate(self)
        if when == "between":
            change(Path("a.jsonl"))
        return files

    def reading(self: FileRows, file: SourceFile) -> Iterator[Any]:
        yield from read(self, file)
        if when == "after":
            change(file.path)

    monkeypatch.setattr(FileRows, "located", located)
    monkeypatch.setattr(FileRows, "read", reading)
    failed = zhiyin("run", recipe("alpaca_json", "a.jsonl", 1))
    assert failed.exit_code == 1
    assert said in only_words(failed)
    assert not list(Path("store").glob("collect-*"))


@pytest.mark.parametrize(
    ("locked", "code", "said"),
    [
        ("data/a.json", 2, "r.yaml:6: data.rows.source.files.0: data/a.json cannot be read: Permission denied"),
        ("r.yaml", 2, "r.yaml: the recipe file cannot be read: Permission denied"),
    ],
)
def test_what_one_may_not_read(
    empty: Path, zhiyin: Call, as_nobody: Callable[[], Any], locked: str, code: int, said: str
) -> None:
    (empty / "data").mkdir()
    Path("data/a.json").write_bytes(GOOD)
    recipe("alpaca_json", "data", 1)
    # What is imported on the way may be root's alone, too.
    assert zhiyin("run", "r.yaml", "--store", "warm/store").exit_code == 0
    Path(locked).chmod(0o000)
    with as_nobody():
        failed = zhiyin("run", "r.yaml")
    assert failed.exit_code == code, failed.output
    assert said in only_words(failed)


@pytest.mark.parametrize("case", [BAD_ROWS[1], BAD_FILES[0], BAD_FILES[-1]], ids=named)
def test_as_a_process_of_its_own(child_environment: dict[str, str], case: Rows | File) -> None:
    if isinstance(case, File):
        case.write(Path(case.file).absolute())
    else:
        Path(case.file).write_bytes(case.written)
    program = "from zhiyin.cli.app import main; main()"
    command = [sys.executable, "-c", program, "run", recipe(case.source, case.file, 1)]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False)
    assert done.returncode == (2 if isinstance(case, File) and case.refused else 1)
    assert case.file in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
