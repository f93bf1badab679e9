"""Cleaning gives what it keeps one form, and keeps what it rejects."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.conftest import Make

from zhiyin.artifacts import RECORDS, ConversationSet, PreferenceSet, TextSet
from zhiyin.data import shards
from zhiyin.data.clean import Config, clean
from zhiyin.data.filters.empty_turn import EmptyTurn
from zhiyin.data.parts import BATCH
from zhiyin.data.sets import RecordSet
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.text.whitespace import tidy


def test_texts_are_tidied_and_filters_asked_in_order(
    tmp_path: Path, runtime: Runtime, make_conversations: Make
) -> None:
    records = make_conversations([("问 \r\n题", "答\xa0案"), ("问", "\u200b "), ("问题", "很长" * 50), ("一", "二")])
    config = Config.model_validate({"filters": ["empty_turn", {"name": "length", "max_characters": 20}]})
    made = clean(config, out=tmp_path / "out", runtime=runtime, records=records)
    assert isinstance(made, ConversationSet)
    assert [[message.content for message in record.messages] for record in made] == [["问\n题", "答 案"], ["一", "二"]]
    assert [(row.where, row.reason) for row in made.rejected] == [
        ("1", "empty_turn: a turn says nothing"),
        ("2", "length: longer than 20 characters"),
    ]
    first = msgspec.json.decode(next(made.rejected).row, type=Conversation)
    assert first.messages == (Message("user", "问"), Message("assistant", ""))
    assert made.summary == {
        "records": 2,
        "sources": {"set1": 2},
        "kinds": {"": 2},
        "rejected": {"empty_turn: a turn says nothing": 1, "length: longer than 20 characters": 1},
        "tidied": 1,
    }


def test_of_two_filters_that_reject_a_record_the_first_one_counts(
    tmp_path: Path, runtime: Runtime, make_conversations: Make
) -> None:
    records = make_conversations([("问", "很长" * 50), ("问", "答")])
    for first, second in ((20, 10), (10, 20)):
        filters = [{"name": "length", "max_characters": most} for most in (first, second)]
        config = Config.model_validate({"filters": filters})
        made = clean(config, out=tmp_path / str(first), runtime=runtime, records=records)
        assert [row.reason for row in made.rejected] == [f"length: longer than {first} characters"]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (TextSet, Document("d", "文 \n", "s", meta={"a": 1}), Document("d", "文", "s", meta={"a": 1})),
        (
            PreferenceSet,
            Preference("p", (Message("system", "s "), Message("user", "问 ")), "好\n", " 坏", "s", "k"),
            Preference("p", (Message("system", "s"), Message("user", "问")), "好", "坏", "s", "k"),
        ),
    ],
)
def test_every_kind_of_record_is_tidied(
    tmp_path: Path, runtime: Runtime, kind: type[RecordSet], before: Document | Preference, after: Document | Preference
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "records.jsonl").write_bytes(msgspec.json.encode(before) + b"\n")
    made = clean(Config(), out=tmp_path / "out", runtime=runtime, records=kind(tmp_path / "in"))
    assert type(made) is kind
    assert list(made) == [after]


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        ({}, "全角，ＡＢ１２；学習", "全角，ＡＢ１２；学習"),
        ({"unicode": "nfc"}, "cafe\u0301，Ａ", "café，Ａ"),
        ({"unicode": "nfkc"}, "全角，ＡＢ①", "全角,AB1"),
        ({"script": "simplified"}, "乾隆學習，漢語", "干隆学习，汉语"),
        ({"script": "simplified", "converter": "opencc"}, "乾隆學習，漢語", "乾隆学习，汉语"),
        ({"script": "traditional"}, "皇后的头发", "皇後的頭發"),
        ({"script": "traditional", "converter": "opencc"}, "皇后的头发", "皇后的頭髮"),
        ({}, "\x07铃\u202e反\u2066向\u200e 👨\u200d👩\u200d👧 ❤\ufe0f", "铃反向 👨\u200d👩\u200d👧 ❤\ufe0f"),
        ({}, "  if x:\n\treturn  \n\n\n\u00a0y\x07\r\n", "if x:\n\treturn\n\n y"),
        ({"whitespace": "keep"}, "  if x:\n\treturn  \n\n\n\u00a0y\x07\r\n", "  if x:\n\treturn  \n\n\n\u00a0y\r\n"),
    ],
)
def test_what_is_asked_for_is_done_and_nothing_else(
    tmp_path: Path, runtime: Runtime, make_conversations: Make, fields: dict[str, Any], before: str, after: str
) -> None:
    records = make_conversations([("一", "二"), ("一", before), ("三", "四")])
    made = clean(Config.model_validate(fields), out=tmp_path / "out", runtime=runtime, records=records)
    assert isinstance(made, ConversationSet)
    assert [record.messages[1].content for record in made] == ["二", after, "四"]
    assert made.summary["tidied"] == (before != after)


def test_control_characters_can_be_a_reason_to_reject(
    tmp_path: Path, runtime: Runtime, make_conversations: Make
) -> None:
    records = make_conversations(
        [("一\r\n", "二\u3000\t"), ("一", "响\x07铃"), ("👨\u200d👩", "❤\ufe0f"), ("一", "\u202e反")]
    )
    made = clean(Config(control_characters="reject"), out=tmp_path / "out", runtime=runtime, records=records)
    assert [record.id for record in made] == ["0", "2"]
    assert [(row.where, row.reason) for row in made.rejected] == [
        ("1", "control_characters: U+0007"),
        ("3", "control_characters: U+202E"),
    ]


def test_a_line_whose_texts_stay_is_copied(tmp_path: Path, runtime: Runtime) -> None:
    (tmp_path / "in").mkdir()
    own = '{"source": "s",  "text":"\\u77e5音", "id": "1"}'
    (tmp_path / "in" / RECORDS).write_text(f'{own}\n{{"id":"2","text":" 文","source":"s"}}\n{own}', encoding="utf-8")
    made = clean(Config(), out=tmp_path / "out", runtime=runtime, records=TextSet(tmp_path / "in"))
    assert (made.path / RECORDS).read_text(encoding="utf-8").split("\n") == [
        own,
        '{"id":"2","text":"文","source":"s"}',
        own,
        "",
    ]


# Within the first batch of a later piece; within the third batch of the first.
@pytest.mark.parametrize(("before", "size"), [(70, 1000), (2 * BATCH + 7, shards.SIZE)])
def test_a_line_that_is_no_record_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime, before: int, size: int
) -> None:
    (tmp_path / "in").mkdir()
    good = '{"id":"1","text":"文","source":"s"}\n'
    (tmp_path / "in" / RECORDS).write_text(good * before + '{"id":"2"}\n', encoding="utf-8")
    monkeypatch.setattr(shards.cut, "__defaults__", (size,))
    with pytest.raises(ValueError, match=rf"records\.jsonl:{before + 1}: not a Document: .*missing required field"):
        clean(Config(), out=tmp_path / "out", runtime=runtime, records=TextSet(tmp_path / "in"))


PIECES = st.text(st.sampled_from("知音ab ，\n\t\u3000\xa0\u200b\x07學"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PIECES, PIECES), min_size=1))
def test_batches_do_what_is_done_to_each_record(
    tmp_path: Path, runtime: Runtime, make_conversations: Make, pairs: list[tuple[str, str]]
) -> None:
    records = make_conversations([*pairs, ("好", "好")])
    config = Config(script="simplified", filters=(EmptyTurn(),))
    made = clean(config, out=tmp_path / "out", runtime=runtime, records=records)
    slow = [tuple(tidy(text.replace("學", "学")) for text in pair) for pair in [*pairs, ("好", "好")]]
    assert isinstance(made, ConversationSet)
    found = [tuple(message.content for message in record.messages) for record in made]
    assert found == [pair for pair in slow if all(pair)]
    assert [int(row.where) for row in made.rejected] == [place for place, pair in enumerate(slow) if not all(pair)]


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_conversations: Make) -> None:
    records = make_conversations([(f"问{n} ", "答" * (n % 60)) for n in range(700)])
    monkeypatch.setattr(shards.cut, "__defaults__", (9000,))
    assert len(shards.cut(records.path / RECORDS)) > 5
    config = Config.model_validate({"filters": ["empty_turn", {"name": "length", "max_characters": 50}]})
    one = clean(config, out=tmp_path / "1", runtime=Runtime(), records=records)
    two = clean(config, out=tmp_path / "2", runtime=Runtime(workers=2), records=records)
    assert one.summary == two.summary
    assert one.summary["records"] < 700
    for name in ("records.jsonl", "rejected.jsonl"):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()


def test_too_many_rejections_fail(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = make_conversations([("问", "答"), ("问", " "), ("问", "很长" * 50), ("一", "二")])
    filters = ["empty_turn", {"name": "length", "max_characters": 20}]
    half = Config.model_validate({"filters": filters, "max_rejected": 0.5})
    assert clean(half, out=tmp_path / "out", runtime=runtime, records=records).summary["records"] == 2
    less = Config.model_validate({"filters": filters, "max_rejected": 0.49})
    message = (
        r"^clean: 2 of 4 rows rejected \(50\.0%, max_rejected is 49\.0%\), 2 records kept\n  1 x empty_turn: .* at 1\n"
    )
    with pytest.raises(ValueError, match=message):
        clean(less, out=tmp_path / "less", runtime=runtime, records=records)
    assert len(list(ConversationSet(tmp_path / "less").rejected)) == 2


def test_nothing_left_is_an_error(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = make_conversations([("问", " ")])
    with pytest.raises(ValueError, match=r"clean: 1 of 1 rows rejected .* 0 records kept"):
        clean(Config(filters=(EmptyTurn(),)), out=tmp_path / "out", runtime=runtime, records=records)


def test_a_rejected_row_is_one(tmp_path: Path, runtime: Runtime, make_conversations: Make) -> None:
    records = make_conversations([("问", " "), ("一", "二")])
    made = clean(Config(filters=(EmptyTurn(),)), out=tmp_path / "out", runtime=runtime, records=records)
    assert list(made.rejected) == [
        Rejected(
            "0",
            "empty_turn: a turn says nothing",
            '{"id":"0","messages":[{"role":"user","content":"问"},{"role":"assistant","content":""}],"source":"set1"}',
        )
    ]
