"""A table holds the records of its set, value by value, and its rows can be collected again."""

import json
from collections.abc import Sequence
from pathlib import Path

import polars
import pytest
from msgspec import to_builtins

from zhiyin.artifacts import ConversationSet, PreferenceSet, Table, TextSet
from zhiyin.data.formats import PART, read
from zhiyin.data.rows import Row
from zhiyin.data.sets import RecordSet, each
from zhiyin.data.sources import Record
from zhiyin.data.to_parquet import Config, to_parquet
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message, Meta
from zhiyin.records.preference import Preference

TURNS = (Message("system", "助手\u2028行"), Message("user", '引"号\\'), Message("assistant", "😀\n答"))
META: Meta = {"draw": 3, "share": 0.5, "gold": True, "tags": ["一", "b"], "note": '引"号'}
SETS: list[tuple[type[RecordSet], Sequence[Record]]] = [
    (TextSet, [Document("1", "春眠不觉晓", "poems"), Document("2", "x\u0085y", "s", "k", META)]),
    (ConversationSet, [Conversation("1", TURNS, "s", meta=META), Conversation("2", TURNS[1:], "s", "k")]),
    (PreferenceSet, [Preference("1", TURNS[:2], "好", "", "s"), Preference("2", TURNS[1:2], "", "坏", "s", "k", META)]),
]


def filled(record: Record) -> dict[str, object]:
    """The slow twin: a record as a row, every default written out."""
    row = {"kind": "", "meta": {}, **to_builtins(record)}
    return {**row, **{name: [dict(turn) for turn in row[name]] for name in ("messages", "prompt") if name in row}}


@pytest.mark.parametrize(("kind", "records"), SETS, ids=[kind.__name__ for kind, _ in SETS])
@pytest.mark.parametrize("row_group", [1, 50_000])
def test_a_table_holds_every_value(
    tmp_path: Path, runtime: Runtime, kind: type[RecordSet], records: list[Record], row_group: int
) -> None:
    kind.write(tmp_path / "in", records)  # type: ignore[arg-type]  # the pairs above fit
    made = to_parquet(Config(row_group=row_group), out=tmp_path / "out", runtime=runtime, records=kind(tmp_path / "in"))
    frame = polars.read_parquet(tmp_path / "out" / Table.file)
    rows = [{**row, "meta": json.loads(row["meta"])} for row in frame.to_dicts()]
    assert rows == [filled(record) for record in each(kind(tmp_path / "in"))]
    assert made.summary == {"rows": 2, "columns": frame.columns}
    assert [frame.columns[0], *frame.columns[-3:]] == ["id", "source", "kind", "meta"]


def test_turns_that_differ_in_number_stay_with_their_record(tmp_path: Path, runtime: Runtime) -> None:
    """Also where there are none at all, which no group of turns would stand for."""
    records = [Conversation(str(n), TURNS[: n % 4], "s") for n in (1, 3, 0, 2, 1)]
    for part in (records, records[:2]):
        ConversationSet.write(tmp_path / "in", part)
        to_parquet(Config(), out=tmp_path / "out", runtime=runtime, records=ConversationSet(tmp_path / "in"))
        rows = polars.read_parquet(tmp_path / "out" / Table.file).to_dicts()
        assert [row["messages"] for row in rows] == [list(to_builtins(record)["messages"]) for record in part]


def test_the_bytes_do_not_depend_on_the_day(tmp_path: Path, runtime: Runtime) -> None:
    records = [Document(str(number), "字" * (number % 50), "s") for number in range(5000)]
    TextSet.write(tmp_path / "in", records)
    made = [
        to_parquet(Config(row_group=500), out=tmp_path / name, runtime=runtime, records=TextSet(tmp_path / "in"))
        for name in ("a", "b")
    ]
    first, second = ((one.path / Table.file).read_bytes() for one in made)
    assert first == second
    assert polars.read_parquet(tmp_path / "a" / Table.file)["id"].to_list() == [record.id for record in records]


def test_its_rows_are_read_back_in_parts(tmp_path: Path, runtime: Runtime) -> None:
    count = 2 * PART + 7
    TextSet.write(tmp_path / "in", (Document(str(number), "字", "s") for number in range(count)))
    to_parquet(Config(row_group=999), out=tmp_path / "out", runtime=runtime, records=TextSet(tmp_path / "in"))
    rows = list(read(tmp_path / "out" / Table.file, "t"))
    assert [(row.where, row.value["id"]) for row in rows if isinstance(row, Row)] == [
        (f"t:{number + 1}", str(number)) for number in range(count)
    ]


def test_an_empty_set_is_a_table_without_rows(tmp_path: Path, runtime: Runtime) -> None:
    TextSet.write(tmp_path / "in", [])
    made = to_parquet(Config(), out=tmp_path / "out", runtime=runtime, records=TextSet(tmp_path / "in"))
    assert made.summary["rows"] == 0
    assert polars.read_parquet(made.path / Table.file).columns == ["id", "text", "source", "kind", "meta"]


def test_a_set_that_is_damaged_is_an_error(tmp_path: Path, runtime: Runtime) -> None:
    TextSet.write(tmp_path / "in", [Document("1", "字", "s")])
    with (tmp_path / "in" / "records.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "2", "te')
    with pytest.raises((ValueError, polars.exceptions.PolarsError)):
        to_parquet(Config(), out=tmp_path / "out", runtime=runtime, records=TextSet(tmp_path / "in"))
