"""Records are frozen, closed, and leave out what has its default."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Comparison, Mark, Score

EXAMPLES: list[Struct] = [
    Message("user", "你好"),
    Document("1", "春眠不觉晓", "poems"),
    Conversation("1", (Message("user", "你好"), Message("assistant", "您好")), "chat"),
    Preference("1", (Message("user", "你好"),), "您好", "嗯", "pairs"),
    Prompt("1", text="春", choices=("夏", "秋")),
    Completion("1", text="夏", stopped="stop", tokens=1),
    Mark("1", "accuracy", 1.0, "A"),
    Score("exam", "accuracy", "", 0.5, 0.4, 0.6, 100, 0),
    Comparison("exam", "accuracy", 0.25, 0.5, 0.25, 0.2, 0.3, 100, 30, 5, 0.001),
    Rejected("a.jsonl:3", "empty", "{}"),
]
each_record = pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)


@each_record
def test_a_record_is_frozen(record: Struct) -> None:
    field = record.__struct_fields__[0]
    with pytest.raises(AttributeError, match="immutable"):
        setattr(record, field, "other")


@each_record
def test_an_unknown_field_is_refused(record: Struct) -> None:
    value: dict[str, Any] = msgspec.to_builtins(record)
    assert msgspec.convert(value, type(record)) == record
    with pytest.raises(msgspec.ValidationError, match="unknown field `surprise`"):
        msgspec.convert({**value, "surprise": 1}, type(record))


def test_fields_with_their_default_are_not_written() -> None:
    assert msgspec.json.encode(Prompt("1", text="春")) == '{"id":"1","text":"春"}'.encode()
    assert msgspec.json.encode(Completion("1")) == b'{"prompt_id":"1"}'


def test_a_raw_prompt_may_be_empty_and_is_not_the_same_as_none() -> None:
    empty = Prompt("1", text="", choices=("春",))
    assert msgspec.json.decode(msgspec.json.encode(empty), type=Prompt).text == ""
    assert Prompt("1").text is None


def test_scores_write_every_field_so_that_no_gap_is_silent() -> None:
    assert set(msgspec.to_builtins(Score("exam", "accuracy", "", 0.5, 0.4, 0.6, 100, 0))) == {
        "benchmark",
        "measure",
        "group",
        "mean",
        "low",
        "high",
        "count",
        "unanswered",
    }


def test_a_default_meta_is_not_shared() -> None:
    one, other = Document("1", "a", "s"), Document("2", "b", "s")
    one.meta["x"] = 1
    assert other.meta == {}
