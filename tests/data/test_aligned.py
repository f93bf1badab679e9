"""Two files side by side: every line with its own, and no pair that cannot be told."""

from pathlib import Path

import pytest

from zhiyin.data.aligned import text_lines
from zhiyin.data.files import SourceFile
from zhiyin.data.rows import Row
from zhiyin.data.sources.couplets import Couplets
from zhiyin.records.jsonl import Rejected


def write(folder: Path, first: bytes, second: bytes) -> None:
    (folder / "in.txt").write_bytes(first)
    (folder / "out.txt").write_bytes(second)


def found(*files: Path) -> list[Row | Rejected]:
    return list(Couplets(files=files).rows())


def test_lines_are_paired_by_their_number_whatever_their_ends(tmp_path: Path) -> None:
    firsts, seconds = ["一\u2028一", "", "三", "四"], ["1", "2", "", "4"]
    write(tmp_path, "\ufeff{}\r\n{}\r\n{}\r\n{}".format(*firsts).encode(), "\n".join(seconds).encode() + b"\n")
    rows = [row for row in found(tmp_path) if isinstance(row, Row)]
    assert [(row.value["in"], row.value["out"]) for row in rows] == list(zip(firsts, seconds, strict=True))
    assert [row.where for row in rows] == [f"{tmp_path}/in.txt:{number}" for number in range(1, 5)]


def test_a_line_that_is_no_text_takes_its_partner_with_it(tmp_path: Path) -> None:
    write(tmp_path, "春\n".encode() + "花".encode("gbk") + "\n雪\n".encode(), b"1\n2\n\0\n")
    first, second, third = found(tmp_path)
    assert isinstance(first, Row)
    assert isinstance(second, Rejected)
    assert (second.where, second.row) == (f"{tmp_path}/in.txt:2", "\\xbb\\xa8\t2")
    assert second.reason.startswith("not valid UTF-8")
    assert isinstance(third, Rejected)
    assert (third.where, third.row) == (f"{tmp_path}/in.txt:3", "雪\t\0")
    assert third.reason.startswith("NUL bytes")


def test_files_of_unequal_length_are_refused_before_a_row_is_read(tmp_path: Path) -> None:
    write(tmp_path, b"1\n2\n3\n", b"1\n2\n")
    rows = Couplets(files=(tmp_path,)).rows()
    with pytest.raises(ValueError, match=r"in\.txt: it has 3 lines, and .*out\.txt has 2: which belong together"):
        next(rows)


def test_both_files_must_be_given(tmp_path: Path) -> None:
    write(tmp_path, "春\n".encode(), "秋\n".encode())
    assert len(found(tmp_path)) == len(found(tmp_path / "in.txt", tmp_path / "out.txt")) == 1
    with pytest.raises(ValueError, match=r"in\.txt: its lines go with those of out\.txt; give both files, or a folder"):
        found(tmp_path / "in.txt")
    with pytest.raises(ValueError, match=r"out\.txt: couplets lie in files in\.txt and out\.txt; give both"):
        found(tmp_path / "out.txt")


def test_lines_of_a_text_file_have_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("一\n\xff\n".encode("utf-8", "surrogateescape").replace(b"\xc3\xbf", b"\xff"))
    first, second = text_lines(SourceFile(tmp_path / "a.txt", "a.txt"))
    assert first == ("a.txt:1", "一")
    assert isinstance(second, Rejected)
