"""Languages are told by characters and words, not by code."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.text.language import HAN, count_han, count_words, is_chinese, language, without_code


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("春眠不觉晓", "zh"),
        ("用 Python 打印", "zh"),
        ("Spring sleep 春", "en"),
        ("Где ты?", "en"),
        ("秋天はきれい", "other"),
        ("91-33=58 🙂", ""),
        ("```for x in y: print(x)``` https://a.cn/b", ""),
        ("B", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text(text: str, name: str) -> None:
    assert language(text) == name


def test_a_single_character_is_chinese_but_does_not_tell_the_language() -> None:
    assert is_chinese("好")
    assert not is_chinese("B")
    assert language("好") == ""


@given(st.text(st.sampled_from("知音𠮷豈 aé-'1，`$\n")))
def test_counts_are_those_of_single_characters(text: str) -> None:
    assert count_han(text) == len(HAN.findall(text))
    assert count_words(text) <= len(re.findall("[aé]", text))


def test_code_is_left_out() -> None:
    assert without_code("看 `print(x)` 和 $x+y$ 与 http://a.b/c 。") == "看   和   与   。"
    assert without_code("价格 5 元") == "价格 5 元"
