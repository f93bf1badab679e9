"""Every format gives the same rows, with places, and no fault of a file passes in silence."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars
import pytest

from zhiyin.data.formats import read
from zhiyin.data.lines import text_lines
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected

VALUES = [
    {"q": "一\u2028行\u0085里", "a": '逗号,和"引号"'},
    {"q": "两\n行", "a": ""},
    {"q": "三", "a": "３"},
]


def csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def write_array(path: Path) -> None:
    path.write_text(json.dumps(VALUES, ensure_ascii=False, indent=1), encoding="utf-8")


def write_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in VALUES), encoding="utf-8")


def write_windows_lines(path: Path) -> None:
    text = "\r\n".join(json.dumps(value, ensure_ascii=False) for value in VALUES)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())


def write_csv(path: Path) -> None:
    rows = [",".join(csv_cell(value[name]) for name in ("q", "a")) for value in VALUES]
    path.write_bytes(("\ufeffq,a\n" + "\n".join(rows) + "\n").encode())


def write_parquet(path: Path) -> None:
    polars.DataFrame(VALUES).write_parquet(path)


def write_packed(path: Path) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(value) + "\n" for value in VALUES).encode()))


FORMS: list[tuple[str, Callable[[Path], None], list[int]]] = [
    ("array.json", write_array, [1, 2, 3]),
    ("lines.json", write_lines, [1, 2, 3]),
    ("windows.jsonl", write_windows_lines, [1, 2, 3]),
    ("cells.csv", write_csv, [2, 3, 5]),
    ("table.parquet", write_parquet, [1, 2, 3]),
    ("packed.jsonl.gz", write_packed, [1, 2, 3]),
]


@pytest.mark.parametrize(("name", "write", "numbers"), FORMS, ids=[form[0] for form in FORMS])
def test_every_format_gives_the_same_rows_with_their_places(
    tmp_path: Path, name: str, write: Callable[[Path], None], numbers: list[int]
) -> None:
    write(tmp_path / name)
    rows = list(read(tmp_path / name, name))
    assert rows == [Row(f"{name}:{number}", value) for number, value in zip(numbers, VALUES, strict=True)]


def test_bad_lines_are_set_aside_with_place_reason_and_text(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"a": 1}\n\n{"a": }\n["no", "object"]\n{"a": "\xff\xfe"}\n{"a": 2}\n')
    good = [row for row in read(file, "a.jsonl") if isinstance(row, Row)]
    bad = [row for row in read(file, "a.jsonl") if isinstance(row, Rejected)]
    assert [(row.where, row.value["a"]) for row in good] == [("a.jsonl:1", 1), ("a.jsonl:6", 2)]
    assert [(row.where, row.row) for row in bad] == [
        ("a.jsonl:3", '{"a": }'),
        ("a.jsonl:4", '["no", "object"]'),
        ("a.jsonl:5", '{"a": "\\xff\\xfe"}'),
    ]
    assert [row.reason.split(":")[0] for row in bad] == [
        "not valid JSON",
        "a row must be a JSON object, not list",
        "not valid UTF-8",
    ]


def test_reasons_are_countable(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": }\n{"long name": }\n')
    reasons = {row.reason for row in read(tmp_path / "a.jsonl", "a") if isinstance(row, Rejected)}
    assert len(reasons) == 1


def test_one_bad_element_does_not_spoil_an_array(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'[{"a": 1}, "text", {"a": "\xff"}, {"a": 2}]')
    rows = list(read(tmp_path / "a.json", "a.json"))
    assert [type(row) for row in rows] == [Row, Rejected, Rejected, Row]
    assert [row.where for row in rows] == ["a.json:1", "a.json:2", "a.json:3", "a.json:4"]


def test_csv_columns_without_a_name_and_rows_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b',Question,A\n0,"one\ntwo",x\n1,short\n2,\xe9\xff,x\n3,good,x\n')
    rows = list(read(tmp_path / "a.csv", "a.csv"))
    assert rows[0] == Row("a.csv:2", {"": "0", "Question": "one\ntwo", "A": "x"})
    assert rows[1] == Rejected("a.csv:4", "2 cells under a header of 3", "1,short")
    assert rows[2] == Rejected("a.csv:5", "not valid UTF-8", "2,\\xe9\\xff,x")
    assert rows[3] == Row("a.csv:6", {"": "3", "Question": "good", "A": "x"})


def test_a_cell_longer_than_the_modules_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "长" * 200_000 + "\n", encoding="utf-8")
    assert [row.value for row in read(tmp_path / "a.csv", "a") if isinstance(row, Row)] == [{"text": "长" * 200_000}]


BROKEN = [
    ("cut.json", b'[{"a": 1}, {"a": ', r"cut\.json:1: not a whole JSON array: .*truncated.*ends at byte 17"),
    ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000)[:-20], r"cut\.jsonl\.gz: the gzip file ends too early"),
    ("not.jsonl.gz", b"plain", r"not\.jsonl\.gz: not packed by gzip, though"),
    ("cut.parquet", b"PAR1 and no more", r"cut\.parquet: not a whole Parquet file"),
    ("quote.csv", b'a,b\n1,2\n3,"never closed\n4,5\n', r"quote\.csv:3: not a CSV row: unexpected end of data"),
    ("twice.csv", b"a,a\n1,2\n", r"twice\.csv:1: the CSV header names a column twice: a, a"),
    ("a.xml", b"<a/>", r"a\.xml: not a format for rows; there are \.json"),
    ("missing.jsonl", None, r"missing\.jsonl: the file cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN, ids=[broken[0] for broken in BROKEN])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(read(tmp_path / name, name))


def test_text_lines_end_at_newlines_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + "一\u2028\x0b二\r\n\n三".encode())
    found = [line for line in text_lines(tmp_path / "a.txt", "a") if isinstance(line, tuple)]
    assert [(number, line.decode()) for number, line in found] == [
        (1, "一\u2028\x0b二"),
        (2, ""),
        (3, "三"),
    ]
    with pytest.raises(ValueError, match=r"b\.txt: the file cannot be read"):
        list(text_lines(tmp_path / "b.txt", "b.txt"))
