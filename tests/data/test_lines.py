"""Lines come one by one, in bounded memory, from what really is a text file."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from zhiyin.data import lines
from zhiyin.records.jsonl import Rejected

MIB = 2**20


def read(path: Path) -> list[tuple[int, bytes] | Rejected]:
    return list(lines.text_lines(path, path.name))


def test_a_line_as_long_as_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10)
    (tmp_path / "a.txt").write_bytes(b"0123456789\n0123456789a\n\n" + b"0" * 3000 + b"\nb\n0123456789")
    assert read(tmp_path / "a.txt") == [
        (1, b"0123456789"),
        Rejected(
            "a.txt:2", "a row of more than 0 MiB; is a line end or a quote missing?", "0123456789a... (12 bytes in all)"
        ),
        (3, b""),
        Rejected(
            "a.txt:4",
            "a row of more than 0 MiB; is a line end or a quote missing?",
            "00000000000... (3,001 bytes in all)",
        ),
        (5, b"b"),
        (6, b"0123456789"),
    ]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_huge_line_does_not_fill_the_memory(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.txt{suffix}"
    with gzip.open(file, "wb", 1) if suffix else file.open("wb") as out:
        for _ in range(200):
            out.write(b"a" * MIB)
        out.write(b"\nb\n")
    tracemalloc.start()
    found = read(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found[0], Rejected)
    assert found[0].row.endswith("(209,715,201 bytes in all)")
    assert found[1:] == [(2, b"b")]
    assert peak < 3 * lines.LONGEST


def test_every_line_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff一\n\ufeff二\ufeff\n".encode())
    assert read(tmp_path / "a.txt") == [(1, "一".encode()), (2, "二\ufeff".encode())]


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a", "a"), ("知音".encode(), "知音"), ("\u2028".encode(), "\u2028"), (b"\xff", None), (b"a\0", None)],
)
def test_bytes_are_text_or_set_aside(raw: bytes, text: str | None) -> None:
    found = lines.decoded("a:1", raw)
    assert found == text if text is not None else isinstance(found, Rejected)


def test_a_web_page_may_be_a_text(tmp_path: Path) -> None:
    """Where rows are due it is a failed download; a corpus of text may hold one."""
    (tmp_path / "a.txt").write_bytes(b"<!DOCTYPE html>\n")
    assert read(tmp_path / "a.txt") == [(1, b"<!DOCTYPE html>")]
