"""Simplified and traditional: the table is OpenCC, character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.text.script import Script, converted, opencc, table

CHARACTERS = st.text(st.sampled_from("乾隆皇帝乾燥頭髮發展裏面后後干幹学习漢abc，🙂\U00030000\U000e0067𠮷\n"))


@pytest.mark.parametrize(
    ("script", "before", "table_gives", "opencc_gives"),
    [
        ("simplified", "學習漢語，頭髮乾燥", "学习汉语，头发干燥", "学习汉语，头发干燥"),
        ("simplified", "乾隆皇帝", "干隆皇帝", "乾隆皇帝"),
        ("traditional", "学习汉语", "學習漢語", "學習漢語"),
        ("traditional", "皇后头发", "皇後頭發", "皇后頭髮"),
    ],
)
def test_texts_in_both_scripts(script: Script, before: str, table_gives: str, opencc_gives: str) -> None:
    assert converted([before], script, "table") == [table_gives]
    assert converted([before], script, "opencc") == [opencc_gives]


@pytest.mark.parametrize(("script", "least"), [("simplified", 4000), ("traditional", 4000)])
def test_the_table_holds_what_opencc_makes_of_each_character(script: Script, least: int) -> None:
    found = table(script)
    assert len(found) > least
    for before in list(found)[::97]:
        assert found[before] == opencc(script).convert(before)


@given(st.lists(CHARACTERS), st.sampled_from(["simplified", "traditional"]))
def test_many_texts_at_once_are_the_texts_one_by_one(texts: list[str], script: Script) -> None:
    slow = [text.translate({ord(before): after for before, after in table(script).items()}) for text in texts]
    assert converted(texts, script, "table") == slow
