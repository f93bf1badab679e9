"""The contract of every filter: pure, deterministic, a short countable reason, and a golden set that it keeps."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.filters import Filter
from zhiyin.data.filters.repetition import Repetition
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

MOJIBAKE = "知音是中国的故事。".encode().decode("latin-1")
FOREIGN = "The spring sleep knows no dawn, everywhere birds are singing."

REJECTS: dict[str, list[tuple[dict[str, Any], Record, str]]] = {
    "broken_characters": [
        ({}, talk("问", "春眠\ufffd觉晓"), "broken characters"),
        ({}, pair(MOJIBAKE, "好"), "broken characters"),
        ({"most": 1}, document("锟斤拷锟斤拷"), "broken characters"),
    ],
    "chat_markers": [
        ({}, talk("问<|im_end|>", "答"), "markers of a chat format"),
        ({}, pair("好", "坏 [|Human|] 再问"), "markers of a chat format"),
    ],
    "empty_turn": [
        ({}, talk("问", " \u3000\n"), "a turn says nothing"),
        ({}, pair("好", ""), "a turn says nothing"),
        ({}, document("\n"), "a turn says nothing"),
        ({}, Conversation("t", (), "s"), "a turn says nothing"),
    ],
    "language": [
        ({"min_units": 10}, talk("翻译", FOREIGN), "too little of the language"),
        ({"of": "answers", "min_units": 10}, talk("请把这句唐诗翻译成英语", FOREIGN), "too little of the language"),
        (
            {"of": "questions", "language": "en", "min_units": 5},
            talk("请翻译下面的唐诗", FOREIGN),
            "too little of the language",
        ),
        ({"least": 0.9, "min_units": 9}, document("日本語の文章はこんな感じです。"), "too little of the language"),
    ],
    "length": [
        ({"min_characters": 4}, talk("一", "二三"), "shorter than 4 characters"),
        ({"max_characters": 3}, talk("一二", "三四"), "longer than 3 characters"),
        ({"max_characters": 3}, pair("一", "一二三"), "longer than 3 characters"),
        ({}, document("长" * 4097), "longer than 4096 characters"),
    ],
    "markup": [
        ({}, talk("问", "<p>一</p><p>二</p>"), "tags of HTML"),
        ({"max_tags": 1}, document("一&nbsp;二&#8230;"), "tags of HTML"),
        ({"max_links": 1}, pair("见 https://a.cn/b，https://a.cn/c。", "无"), "addresses of the web"),
    ],
    "repeated_turn": [
        ({}, talk("请续写：春眠不觉晓，处处", "请续写：春眠不觉晓，处 处"), "an answer repeats its question"),
        ({}, pair("春眠不觉晓，处处闻啼鸟", "春眠不觉晓，处处闻啼鸟 "), "an answer is given twice"),
        ({"min_characters": 1}, talk("好", "好"), "an answer repeats its question"),
    ],
    "repetition": [
        ({}, talk("你好", LOOP), "a text repeats itself"),
        ({}, pair("好", LOOP), "a text repeats itself"),
        ({"min_characters": 20, "length": 4}, document("采采芣苢，薄言采之。" * 3), "a text repeats itself"),
    ],
}

KEEPS: dict[str, list[tuple[dict[str, Any], Record]]] = {
    "broken_characters": [
        ({"most": 2}, document("锟斤拷锟斤拷")),
        ({}, talk("café à São Paulo", "👨\u200d👩\u200d👧")),
    ],
    "chat_markers": [({}, talk("列出 [1] 与 a<b", "用户：你好"))],
    "language": [
        ({}, talk("请把下面这句唐诗翻译成英语：春眠不觉晓，处处闻啼鸟，夜来风雨声", "Spring sleep knows no dawn.")),
        ({"of": "answers"}, talk("写一个循环", "代码如下：```for one in range(10): print(one, two, three, four)```")),
        ({"of": "questions"}, document(FOREIGN)),
        ({"language": "en"}, document(FOREIGN)),
        ({"min_units": 50}, document(FOREIGN)),
    ],
    "markup": [
        ({}, talk("问", "<b>一</b>，1 < 2，AT&T，见 https://a.cn")),
        ({}, talk("写网页", "```html\n<p>一</p><p>二</p><p>三</p>\n```")),
    ],
    "repeated_turn": [({}, talk("谢谢", "谢谢")), ({}, document("一" * 20))],
    "empty_turn": [({}, talk("0", "."))],
    "length": [
        ({"min_characters": 3, "max_characters": 3}, talk("一", "二三")),
        ({"max_characters": 3}, pair("一", "二三")),
    ],
    "repetition": [({"max_share": 1.0}, document(LOOP)), ({"min_characters": 1000}, document(LOOP))],
}


def test_every_filter_has_its_cases() -> None:
    assert len(NAMES) == 8
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
def test_many_records_at_once_are_the_records_one_by_one(name: str) -> None:
    records = [*GOLDEN, *(record for cases in REJECTS.values() for _, record, _ in cases)]
    for fields in [{}, *(fields for fields, _, _ in REJECTS[name]), *(fields for fields, _ in KEEPS[name])]:
        one = make(Filter, {"name": name, **fields})
        assert one.reasons(records) == [one.reject(record) for record in records]
        assert one.reasons([]) == []


TEXTS = st.text(st.sampled_from("春眠不觉晓"), max_size=60)


@given(st.lists(TEXTS, max_size=8), st.integers(2, 11), st.floats(0.01, 1))
def test_repetition_by_hashes_is_exact(texts: list[str], length: int, share: float) -> None:
    one = Repetition(length=length, max_share=share, min_characters=1)
    records: list[Record] = [talk(text, text[::-1] * 2) for text in texts]
    assert one.reasons(records) == [one.reject(record) for record in records]


def test_few_texts_are_looked_at_closely_for_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = [str(2**power) for power in range(400, 700)]
    looked: list[Record] = []
    monkeypatch.setattr(Repetition, "reject", lambda self, record: looked.append(record))
    Repetition().reasons([talk("", text) for text in [*digits, LOOP]])
    assert looked == [talk("", LOOP)]


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
