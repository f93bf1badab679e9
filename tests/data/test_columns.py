"""The first row of each file has the columns that a source expects, under its names or those the recipe gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from zhiyin.data.columns import named, renamed
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.data.sources.alpaca_json import AlpacaJson
from zhiyin.execution.catalog import make
from zhiyin.records.jsonl import Rejected


def through(rows: list[Any], columns: dict[str, str] | None = None, *expects: str) -> list[Any]:
    found = [row if isinstance(row, Rejected) else Row(f"a.json:{n}", row) for n, row in enumerate(rows, start=1)]
    return [row.value if isinstance(row, Row) else row for row in named(found, expects, columns or {})]


def test_only_the_first_row_is_checked() -> None:
    """A later one that lacks a column is set aside by the source, with a reason."""
    bad = Rejected("a.json:0", "not JSON", "")
    assert through([bad, {"a": 1}, {}], None, "a") == [bad, {"a": 1}, {}]
    assert through([bad], None, "a") == [bad]
    with pytest.raises(ValueError, match=r"^a\.json:2: the first row has no column 'a'"):
        through([bad, {}, {"a": 1}], None, "a")


def test_either_of_two_columns_will_do() -> None:
    assert through([{"b": 1}], None, "a|b") == [{"b": 1}]
    with pytest.raises(ValueError, match="no column 'a' or 'b'; it has c"):
        through([{"c": 1}], None, "a|b")


def test_columns_go_by_the_names_of_the_source() -> None:
    assert through([{"q": 1, "x": 2}], {"a": "q"}, "a") == [{"x": 2, "a": 1}]
    assert renamed({"a": 1, "b": 2}, {"a": "b", "b": "a"}) == {"a": 2, "b": 1}
    # The file's own `a` is not what is meant by it.
    assert renamed({"a": 1, "q": 2}, {"a": "q"}) == {"a": 2}
    assert renamed({"a": 1}, {"a": "q"}) == {}


@pytest.mark.parametrize(
    ("row", "columns", "said"),
    [
        (
            {"instructon": 1, "output": 1},
            {},
            r"no column 'instruction' \(did you mean 'instructon'\?\); it has instructon",
        ),
        ({"prompt": 1, "response": 1}, {}, r"`columns: \{instruction: prompt, output: response\}`"),
        ({"x": 1, "output": 1}, {}, r"`columns: \{instruction: \.\.\.\}`"),
        ({"prompt": 1, "answer": 1}, {"instruction": "prompt"}, r"`columns: \{instruction: prompt, output: answer\}`"),
        (
            {"prompt": 1, "output": 1},
            {"instruction": "promt"},
            r"no column 'promt' \(`columns` gives it for 'instruction'\) \(did you mean 'prompt'\?\).*: prompt",
        ),
        ({}, {}, "it has none"),
        ({f"c{n:02}": 1 for n in range(15)}, {}, "c11 and 3 more"),
    ],
)
def test_the_error_shows_the_line_to_write(row: dict[str, int], columns: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        through([row], columns, "instruction", "output")


def test_a_column_that_no_row_has_is_an_error_at_the_end_of_the_file() -> None:
    """It may be absent from some rows, an optional one even from the first."""
    assert len(through([{"a": 1}, {"a": 1, "extra": 2}], {"b": "extra"}, "a")) == 2
    with pytest.raises(
        ValueError, match=r"^a\.json: no row has the column extra that `columns` names; the first has a$"
    ):
        through([{"a": 1}, {"a": 2}], {"b": "extra"}, "a")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"instrction": "q"},
            r"`columns` gives a name for 'instrction' \(did you mean 'instruction'\?\); the source reads",
        ),
        ({"instruction": "q", "output": "q"}, "`columns` names a column of the file twice"),
    ],
)
def test_columns_must_be_those_of_the_source(columns: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AlpacaJson.model_validate({"files": ["."], "columns": columns})


def test_each_file_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"q": "问", "output": "答"}]), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps([{"instruction": "问", "output": "答"}]), encoding="utf-8")
    source = make(Source, {"name": "alpaca_json", "files": [tmp_path], "columns": {"instruction": "q"}})
    rows = source.rows()
    first = next(rows)
    assert isinstance(first, Row)
    assert first.value == {"output": "答", "instruction": "问"}
    with pytest.raises(ValueError, match=r"b\.json:1: the first row has no column 'q'"):
        next(rows)


def test_of_two_languages_the_one_that_is_read_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"instruction": "Say it", "output": "It"}]', encoding="utf-8")
    place = {"name": "alpaca_gpt4_silk_road", "files": [str(tmp_path)]}
    assert len(list(make(Source, {**place, "language": "en"}).rows())) == 1
    with pytest.raises(ValueError, match=r"no column 'instruction_zh', 'output_zh'.*; it has instruction, output"):
        list(make(Source, place).rows())
