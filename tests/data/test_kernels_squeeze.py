"""The keys of texts, against `unicodedata` character by character."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.kernels.squeeze import Keep, squeeze
from zhiyin.text.script import table

OPERATORS = "-*/%&@\\#"
SIMPLIFIED = table("simplified")
ODD = "ﬁ½㎡℃…①Ⅳ㈱İßŉΐ゙ِ́̈ͅﾞ가ᅡᆨ각🙂𝔸𠀀．，.,3３٣0 \n\u2028\u200b\ufe0f\x00Ａａ。！+＋-－*＊\ud800"


def slow(text: str, keep: Keep) -> str:
    """Squeeze a text the slow, obvious way."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    if keep == "words":
        return "".join(SIMPLIFIED.get(one, one) for one in normal if one.isalnum())
    return "".join(one for place, one in enumerate(normal) if kept(normal, place))


def kept(normal: str, place: int) -> bool:
    one = normal[place]
    if one in ".,":
        around = normal[max(place - 1, 0) : place + 2]
        return len(around) == 3 and around[0] in "0123456789" and around[2] in "0123456789"
    if one.isalnum() or one in OPERATORS:
        return True
    return not one.isspace() and unicodedata.category(one)[0] not in "CZP"


@pytest.mark.parametrize("keep", ["words", "signs"])
def test_every_character(keep: Keep) -> None:
    every = [chr(point) for point in range(0x10000)]
    assert squeeze(every, keep).texts() == [slow(one, keep) for one in every]
    beyond = [chr(point) for point in range(0x10000, 0x110000, 97)]
    assert squeeze(beyond, keep).texts() == [slow(one, keep) for one in beyond]


@pytest.mark.parametrize("keep", ["words", "signs"])
@given(st.lists(st.text(st.one_of(st.characters(), st.sampled_from(ODD)), max_size=12), max_size=6))
def test_texts(keep: Keep, texts: list[str]) -> None:
    found = squeeze(texts, keep)
    assert found.texts() == [slow(text, keep) for text in texts]
    assert found.lengths.tolist() == [len(slow(text, keep)) for text in texts]


@pytest.mark.parametrize("keep", ["words", "signs"])
@given(st.lists(st.text(st.sampled_from("3５.．,，…a字 。"), max_size=8), max_size=6))
def test_points_and_digits(keep: Keep, texts: list[str]) -> None:
    assert squeeze(texts, keep).texts() == [slow(text, keep) for text in texts]


def test_characters_that_join_the_one_before() -> None:
    texts = ["ᄀ" + "ᅡ" + "ᆨ", "가" + "ᆨ", "カ" + "ﾞ", "か" + "\u3099", "e" + "\u0301", "\u0301", "ᅡ"]
    assert squeeze(texts).texts() == [slow(text, "words") for text in texts]
    assert squeeze(texts).texts()[:5] == ["각", "각", "ガ", "が", "é"]


def test_what_it_is_for() -> None:
    assert squeeze(["Ａlpha，贝塔 ！", ""]).texts() == ["alpha贝塔", ""]
    assert squeeze(["壯徒恆賈勇", "壮徒恒贾勇"]).texts() == ["壮徒恒贾勇"] * 2
    assert squeeze(["壯徒恆賈勇"], "signs").texts() == ["壯徒恆賈勇"]
    sums = ["1.5*3=4.5", "15*3=45", "1,000-3", "1000-3", "第一。2年"]
    assert squeeze(sums, "signs").texts() == ["1.5*3=4.5", "15*3=45", "1,000-3", "1000-3", "第一2年"]
    assert squeeze(sums).texts() == ["15345", "15345", "10003", "10003", "第一2年"]
