"""Cleaning tidies what it keeps, and keeps what it rejects."""

from pathlib import Path

import msgspec
import pytest
from tests.data.conftest import Make

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.clean import Config, clean
from zhiyin.data.filters.empty_turn import EmptyTurn
from zhiyin.data.sets import RecordSet
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference


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
    assert made.summary["tidied"] == 1
    assert made.summary["records"] == 2


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
