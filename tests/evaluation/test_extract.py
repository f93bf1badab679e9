"""What is read out of an answer, and what is left unread."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.evaluation.extract import choice, letter, number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", "A"),
        ("B.", "B"),
        ("(C)", "C"),
        ("（D）", "D"),
        ("Ａ", "A"),
        ("Ｂ、北京", "B"),
        ("答案是A", "A"),
        ("答案：Ｂ。", "B"),
        ("正确答案为(D)", "D"),
        ("答案是：**C**", "C"),
        ("A. 北京\nB. 上海\n答案是B", "B"),
        ("我认为维生素C的答案是D", "D"),
        ("因此，应选择 D", "D"),
        ("选B", "B"),
        ("B项正确，C项错误", "B"),
        ("答案不是A，是B", "B"),
        ("我想是 C 吧", "C"),
        ("The answer is (B).", "B"),
        ("A common mistake is C. The correct answer is **D**.", "D"),
        ("Answer: C", "C"),
        ("A is correct because of B.", "A"),
        ("A common mistake, sadly", None),
        ("维生素C", None),
        ("A股上涨", None),
        ("Apple", None),
        ("C++", None),
        ("E", None),
        ("a", None),
        ("不知道", None),
        ("", None),
    ],
)
def test_letter(text: str, expected: str | None) -> None:
    assert letter(text) == expected


NUMBERS = ("12", "120", "5", "15")
CITIES = ("北京", "上海", "北京市", "广州")


@pytest.mark.parametrize(
    ("text", "choices", "expected"),
    [
        ("120", NUMBERS, "120"),
        ("等于12", NUMBERS, "12"),
        ("答案是５。", NUMBERS, "5"),
        ("10+2=12", NUMBERS, "12"),
        ("15比12大。", NUMBERS, "15"),
        ("12和15里更大的，答案是15", NUMBERS, "15"),
        ("不是12，是15", NUMBERS, "15"),
        ("12.5", NUMBERS, None),
        ("1205", NUMBERS, None),
        ("1,205", NUMBERS, None),
        ("-5", NUMBERS, None),
        ("负5", NUMBERS, None),
        ("10-5", NUMBERS, "5"),
        ("12、15", NUMBERS, None),
        ("答案是12或15", NUMBERS, None),
        ("12和15里，15更大", NUMBERS, None),
        ("北京市", CITIES, "北京市"),
        ("首都是北京。不是上海。", CITIES, "北京"),
        ("是北京。上海也很大。", CITIES, "北京"),
        ("《上海》", CITIES, "上海"),
        ("北京、上海、广州", CITIES, None),
        ("有人说北京，有人说上海。", CITIES, None),
        ("并非北京", CITIES, None),
        ("天津", CITIES, None),
        ("", CITIES, None),
        ("十二", ("二", "十二", "十", "三"), "十二"),
        ("二十二", ("二", "十二", "十", "三"), None),
        ("cat", ("ca", "at", "cat", "c"), "cat"),
        ("cats", ("ca", "at", "cat", "c"), None),
    ],
)
def test_choice(text: str, choices: tuple[str, ...], expected: str | None) -> None:
    found = choice(text, choices)
    assert (None if found is None else choices[found]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("共 1,234.5 元", Decimal("1234.5")),
        ("先得3，再得７", Decimal(7)),
        ("10-3", Decimal(3)),
        ("x=-3", Decimal(-3)),
        ("答案是7，不是8", Decimal(7)),
        ("2 * 36 = 72\n#### 72\n(1 way)", Decimal(72)),
        ("没有", None),
        ("", None),
    ],
)
def test_number(text: str, expected: Decimal | None) -> None:
    assert number(text) == expected


@given(st.text(alphabet="AB答案是不12.、，。\n北京上海Ａ１ x-", max_size=30))
def test_whatever_is_written_is_read_or_not_and_never_fails(text: str) -> None:
    assert letter(text) in ("A", "B", None)
    found = choice(text, CITIES)
    assert found is None or CITIES[found] in text
    number(text)
