"""White space takes one form; nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhiyin.text import whitespace
from zhiyin.text.whitespace import tidy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("一\r\n二\r三", "一\n二\n三"),
        ("一\u2028二\u2029三\x0b四\x85五", "一\n二\n\n三\n四\n五"),
        ("一 \t\n二\u3000\n三", "一\n二\n三"),
        ("一\n\n\n\n二\n \n\t\n三", "一\n\n二\n\n三"),
        ("\xa0一\xa0二\u2009三\ufeff\u200b四\xad五\x00", "一 二 三四五"),
        ("\n\n  文\n\n", "文"),
        ("首段\n\u3000\u3000次段", "首段\n\u3000\u3000次段"),
        ("def f():\n    return 1", "def f():\n    return 1"),
        ("全角，。？！：；“”（）１２ＡＢ", "全角，。？！：；“”（）１２ＡＢ"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        (" \u3000\r\n", ""),
    ],
)
def test_cases(before: str, after: str) -> None:
    assert tidy(before) == after


ODD = st.text(st.sampled_from("知a。，１ \t\n\r\x0b\x0c\x85\xa0\xad\u2003\u200b\u200d\u2028\u2029\u3000\ufeff"))


@settings(deadline=None)
@given(ODD)
def test_it_is_idempotent_and_keeps_every_visible_character(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert [c for c in once if c in "知a。，１\u200d"] == [c for c in text if c in "知a。，１\u200d"]
    assert "\n\n\n" not in once
    assert not any(line != line.rstrip() for line in once.split("\n"))


def test_every_character_that_is_changed_is_one_python_calls_not_printable() -> None:
    """The short way of `tidy` rests on it."""
    changed = [chr(code) for code in range(0x110000) if tidy(f"a{chr(code)}b") != f"a{chr(code)}b"]
    assert len(changed) > 60
    assert not any(character.isprintable() for character in changed)
    assert all(whitespace._ODD.search(character) for character in changed)
    assert not any(whitespace._ODD.search(chr(code)) for code in range(0x110000) if chr(code).isprintable())
