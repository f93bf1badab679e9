"""The contract of every filter: pure, deterministic, a short countable reason, and a golden set that it keeps."""

from typing import Any

import msgspec
import pytest

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.execution.catalog import make, names
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference

NAMES = names(Filter)


def talk(question: str, answer: str) -> Conversation:
    return Conversation("t", (Message("user", question), Message("assistant", answer)), "s")


def pair(chosen: str, rejected: str) -> Preference:
    return Preference("p", (Message("user", "问"),), chosen, rejected, "s")


def document(text: str) -> Document:
    return Document("d", text, "s")


GOLDEN: list[Record] = [
    talk("一年有几个季节？", "四个：春、夏、秋、冬。"),
    talk("91-33=", "58"),
    talk("写一首诗。", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    talk("写一个循环。", "for i in range(10):\n    print(i)\n    print(i + 1)\n"),
    talk("背诵《芣苢》。", "采采芣苢，薄言采之。采采芣苢，薄言有之。采采芣苢，薄言掇之。采采芣苢，薄言捋之。"),
    pair("好。", "这个问题有些复杂，要从几个方面来谈。"),
    document("知音，本义为通晓音律，后指相互了解的朋友。"),
]
"""Records that no filter, as it comes, may reject."""

LOOP = "我很高兴能帮助你。" * 40

REJECTS: dict[str, list[tuple[dict[str, Any], Record, str]]] = {
    "empty_turn": [
        ({}, talk("问", " \u3000\n"), "a turn says nothing"),
        ({}, pair("好", ""), "a turn says nothing"),
        ({}, document("\n"), "a turn says nothing"),
        ({}, Conversation("t", (), "s"), "a turn says nothing"),
    ],
    "length": [
        ({"min_characters": 4}, talk("一", "二三"), "shorter than 4 characters"),
        ({"max_characters": 3}, talk("一二", "三四"), "longer than 3 characters"),
        ({"max_characters": 3}, pair("一", "一二三"), "longer than 3 characters"),
        ({}, document("长" * 4097), "longer than 4096 characters"),
    ],
    "repetition": [
        ({}, talk("你好", LOOP), "a text repeats itself"),
        ({}, pair("好", LOOP), "a text repeats itself"),
        ({"min_characters": 20, "length": 4}, document("采采芣苢，薄言采之。" * 3), "a text repeats itself"),
    ],
}

KEEPS: dict[str, list[tuple[dict[str, Any], Record]]] = {
    "empty_turn": [({}, talk("0", "."))],
    "length": [
        ({"min_characters": 3, "max_characters": 3}, talk("一", "二三")),
        ({"max_characters": 3}, pair("一", "二三")),
    ],
    "repetition": [({"max_share": 1.0}, document(LOOP)), ({"min_characters": 1000}, document(LOOP))],
}


def test_every_filter_has_its_cases() -> None:
    assert len(NAMES) == 3
    assert set(REJECTS) == set(KEEPS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_set_is_kept(name: str) -> None:
    one = make(Filter, name)
    assert [one.reject(record) for record in GOLDEN] == [None] * len(GOLDEN)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_rejected_and_what_is_kept(name: str) -> None:
    for fields, record, reason in REJECTS[name]:
        assert make(Filter, {"name": name, **fields}).reject(record) == reason
    for fields, kept in KEEPS[name]:
        assert make(Filter, {"name": name, **fields}).reject(kept) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_is_pure_and_deterministic(name: str) -> None:
    one = make(Filter, name)
    records = [*GOLDEN, *(record for cases in REJECTS.values() for _, record, _ in cases)]
    before = msgspec.json.encode(records)
    reasons = [one.reject(record) for record in records]
    again = [make(Filter, name).reject(record) for record in reversed(records)]
    assert reasons == again[::-1]
    assert msgspec.json.encode(records) == before


def test_bounds_that_nothing_fits_are_refused() -> None:
    with pytest.raises(ValueError, match="min_characters 9 is above max_characters 3"):
        make(Filter, {"name": "length", "min_characters": 9, "max_characters": 3})
