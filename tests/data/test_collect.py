"""Collecting keeps every row, as a record or as a rejection, and fails when there are too many of the latter."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.data.collect import Config, collect
from zhiyin.data.rows import Row
from zhiyin.data.sources import Source
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.records.conversation import Document
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


def lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return path


def row(question: str, answer: str) -> dict[str, str]:
    return {"instruction": question, "input": "", "output": answer}


def config(file: Path, **fields: Any) -> Config:
    return Config.model_validate({"source": {"name": "alpaca_json", "files": [file]}, **fields})


def test_every_row_is_a_record_or_a_rejection(tmp_path: Path, runtime: Runtime) -> None:
    bad = {"instruction": "问", "output": 7}
    file = lines(tmp_path / "a.jsonl", row("一", "1"), row("二", " "), bad, ["no"], row("五", "5"))
    made = collect(config(file, max_rejected=0.6), out=tmp_path / "out", runtime=runtime)
    assert isinstance(made, ConversationSet)
    assert [record.messages[1].content for record in made] == ["1", "5"]
    assert list(made.rejected) == [
        Rejected(f"{file}:2", "an empty assistant turn", '{"instruction":"二","input":"","output":" "}'),
        Rejected(f"{file}:3", "field 'output' must be a text, not int", '{"instruction":"问","output":7}'),
        Rejected(f"{file}:4", "a row must be a JSON object, not list", '["no"]'),
    ]
    assert made.summary["records"] == 2
    assert sum(made.summary["rejected"].values()) == 3


def test_limit_takes_the_first_records(tmp_path: Path, runtime: Runtime) -> None:
    file = lines(tmp_path / "a.jsonl", row("一", ""), *(row("问", str(number)) for number in range(9)))
    made = collect(config(file, limit=3), out=tmp_path / "out", runtime=runtime)
    assert isinstance(made, ConversationSet)
    assert [record.messages[1].content for record in made] == ["0", "1", "2"]


def test_too_many_rejections_fail_with_reasons_and_places(tmp_path: Path, runtime: Runtime) -> None:
    file = lines(tmp_path / "a.jsonl", row("一", "1"), row("二", ""), row("", "3"), row("四", ""))
    message = (
        r"3 of 4 rows rejected \(75\.0%, max_rejected is 50\.0%\), 1 records kept\n"
        rf"  2 x an empty assistant turn; first at {file}:2\n  1 x an empty user turn; first at {file}:3"
    )
    with pytest.raises(ValueError, match=message):
        collect(config(file, max_rejected=0.5), out=tmp_path / "out", runtime=runtime)
    assert collect(config(file, max_rejected=0.75), out=tmp_path / "out", runtime=runtime).summary["records"] == 1


@pytest.mark.parametrize(("bad", "rows", "allowed"), [(3, 10, 0.3), (1, 3, 1 / 3), (7, 10, 0.7), (1, 1000, 0.001)])
def test_exactly_the_share_is_allowed(tmp_path: Path, runtime: Runtime, bad: int, rows: int, allowed: float) -> None:
    file = lines(tmp_path / "a.jsonl", *[row("问", "")] * bad, *[row("问", "答")] * (rows - bad))
    made = collect(config(file, max_rejected=allowed), out=tmp_path / "out", runtime=runtime)
    assert made.summary["records"] == rows - bad
    with pytest.raises(ValueError, match=rf"{bad} of {rows} rows rejected"):
        collect(config(file, max_rejected=allowed - 1e-9), out=tmp_path / "out", runtime=runtime)


def test_by_default_half_may_be_rejected(tmp_path: Path, runtime: Runtime) -> None:
    half = lines(tmp_path / "half.jsonl", row("问", ""), row("问", "答"))
    assert collect(config(half), out=tmp_path / "out", runtime=runtime).summary["records"] == 1
    more = lines(tmp_path / "more.jsonl", row("问", ""), row("问", ""), row("问", "答"))
    with pytest.raises(ValueError, match=r"2 of 3 rows rejected \(66\.7%, max_rejected is 50\.0%\)"):
        collect(config(more), out=tmp_path / "out", runtime=runtime)


def test_the_message_says_where_the_rejected_rows_are(tmp_path: Path, runtime: Runtime) -> None:
    file = lines(tmp_path / "a.jsonl", row("一", ""), row("二", "2"))
    out = tmp_path / "out"
    with pytest.raises(
        ValueError, match=r"Every row that was rejected stands with its reason in .*out/rejected\.jsonl"
    ):
        collect(config(file, max_rejected=0), out=out, runtime=runtime)
    assert [row.where for row in ConversationSet(out).rejected] == [f"{file}:1"]


def test_no_record_at_all_is_an_error(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(ValueError, match=r"1 of 1 rows rejected .*\n  1 x a file without rows; first at .*a\.jsonl:1"):
        collect(config(lines(tmp_path / "a.jsonl")), out=tmp_path / "out", runtime=runtime)
    with pytest.raises(ValueError, match=r"1 of 1 rows rejected .*\n  1 x no value in the field 'output'"):
        collect(
            config(lines(tmp_path / "b.jsonl", {"instruction": "问", "output": None})),
            out=tmp_path / "out",
            runtime=runtime,
        )


class Repeating(Source):
    """Gives one id twice."""

    yields: ClassVar = TextSet
    home: ClassVar = "here"
    licence: ClassVar = Licence("MIT", commercial=True, terms="None.")
    verified: ClassVar = False

    def rows(self) -> Iterator[Row | Rejected]:
        for number in range(1, 4):
            yield Row(f"memory:{number}", {"id": str(number % 2)})

    def record(self, row: Row) -> Document:
        return Document(row.value["id"], row.where, "memory")


class Failing(Repeating):
    """Has a fault of its own."""

    def record(self, row: Row) -> Document:
        return Document(row.value["key"], "text", "memory")


def test_a_fault_of_a_source_is_told_from_a_fault_of_the_data(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(RuntimeError, match=r"^memory:1: the source test_collect fails at this row: KeyError: 'key'$"):
        collect(Config(source=Failing()), out=tmp_path, runtime=runtime)


def test_a_second_record_of_one_id_is_rejected(tmp_path: Path, runtime: Runtime) -> None:
    made = collect(Config(source=Repeating()), out=tmp_path, runtime=runtime)
    assert made.summary["records"] == 2
    assert list(made.rejected) == [Rejected("memory:3", "the id of an earlier row", '{"id":"1"}')]


def test_the_summary_states_data_set_licence_and_place(tmp_path: Path, runtime: Runtime) -> None:
    file = lines(tmp_path / "a.jsonl", row("一", "1"))
    licence = {"name": "CC BY 4.0", "commercial": True, "terms": ""}
    source = {"name": "alpaca_json", "files": [file], "label": "mine", "licence": licence}
    made = collect(Config.model_validate({"source": source}), out=tmp_path / "a", runtime=runtime)
    places = ("a.jsonl",)
    # The page of Stanford Alpaca describes the form of the file, and nothing that is in it.
    expected = {"name": "mine", "home": "", "licence": licence, "places": places, "verified": False}
    assert made.summary["data_set"] == expected
    made = collect(Config(source=Repeating()), out=tmp_path / "b", runtime=runtime)
    assert made.summary["data_set"]["licence"] == {"name": "MIT", "commercial": True, "terms": "None."}
    assert made.summary["data_set"]["places"] == ()
    assert (made.summary["data_set"]["home"], made.summary["data_set"]["verified"]) == ("here", Repeating.verified)


def test_the_kind_of_set_is_known_before_it_is_made(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", row("一", "1"))
    assert step(collect, config(file)).produces is ConversationSet
    assert step(collect, Config.model_validate({"source": {"name": "text", "files": [file]}})).produces is TextSet
