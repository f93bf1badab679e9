"""An archive of JSON files: each is a row or a rejection, and a broken archive is named."""

import tarfile
from pathlib import Path

import pytest
from tests.families.samples_sft import archive

from zhiyin.data import lines
from zhiyin.data.archives import json_members
from zhiyin.data.files import SourceFile
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected


def members(path: Path, content: bytes) -> list[Row | Rejected]:
    path.write_bytes(content)
    return list(json_members(SourceFile(path, "a.tar.gz")))


def test_members_are_rows_in_the_order_of_the_archive(tmp_path: Path) -> None:
    content = {"2.json": b'{"a": 2}', "10.json": b'\xef\xbb\xbf{\n "a": 10\n}\n', "1.json": b'{"a": 1}'}
    assert members(tmp_path / "a.tar.gz", archive(content)) == [
        Row("a.tar.gz/chat/2.json:1", {"a": 2}),
        Row("a.tar.gz/chat/10.json:1", {"a": 10}),
        Row("a.tar.gz/chat/1.json:1", {"a": 1}),
    ]


def test_what_is_no_row_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    content = {"long.json": b" " * 101, "list.json": b"[]", "cut.json": b'{"a": ', "a.txt": b"", "good.json": b"{}"}
    found = members(tmp_path / "a.tar.gz", archive(content))
    assert [row.reason if isinstance(row, Rejected) else "" for row in found] == [
        "a row of more than 0 MiB; is a line end or a quote missing?",
        "a row must be a JSON object, not list",
        "not valid JSON: Input data was truncated",
        "not a JSON file",
        "",
    ]


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_an_archive_that_is_none_is_named(tmp_path: Path, keep: int) -> None:
    whole = archive({f"{number}.json": bytes(range(256)) * 40 for number in range(9)})
    with pytest.raises(ValueError, match=r"^a\.tar\.gz: "):
        members(tmp_path / "a.tar.gz", whole[:keep])


def test_a_packed_file_that_is_no_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    with tarfile.open(path, "w") as plain:
        plain.add(__file__, "a.json")
    with pytest.raises(ValueError, match=r"^a\.tar\.gz: "):
        members(tmp_path / "a.tar.gz", path.read_bytes())
