"""Control characters and the traces of wrong encodings, and what only looks like them."""

import pytest

from zhiyin.text.faults import CONTROL, count_broken


@pytest.mark.parametrize("text", ["知\x00", "\x1b[0m", "\x7f", "\x9b", "\u202e反", "\u200e", "\ufffe"])
def test_control_characters(text: str) -> None:
    assert CONTROL.search(text)


@pytest.mark.parametrize(
    "text", ["👨\u200d👩\u200d👧", "❤\ufe0f", "\t列\r\n", "می\u200cخواهم", "🏴\U000e0067\U000e007f", "\u3000\xa0"]
)
def test_what_holds_emoji_and_lines_together_is_no_control_character(text: str) -> None:
    assert CONTROL.search(text) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("坏\ufffd\ufffd了", 2),
        ("锟斤拷锟斤拷", 2),
        ("\ue5ca私用", 1),
        ("你好".encode().decode("latin-1"), 1),
        ("中文".encode().decode("cp1252"), 1),
        ("café".encode().decode("cp1252"), 1),
        ("it’s".encode().decode("cp1252"), 1),
        ("café, naïve, São Paulo, 50 °C, «été»", 0),
        ("锟是姓，烫手，屯田", 0),
        ("È vero; Ångström; ÀÉÎ", 0),
        ("普通的话。", 0),
    ],
)
def test_broken_characters(text: str, count: int) -> None:
    assert count_broken(text) == count
