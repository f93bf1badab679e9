"""Sentences in the reader's language: looked up before their values are in, or recognised around them."""

import pytest

from zhiyin.locale.words import counted, retell, say, spoken, words

ZH = words("zh")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": ""}, "zh"),
    ],
)
def test_the_language_is_that_of_the_locale(environment: dict[str, str], language: str) -> None:
    assert spoken(environment) == language


def test_values_are_put_in_after_the_lookup() -> None:
    assert words("en").say("{count} unanswered", count=3) == "3 unanswered"
    assert ZH.say("{count} unanswered", count=3) == "未作答 3"
    assert ZH.say("{count} words nobody translated", count=3) == "3 words nobody translated"


def test_the_process_speaks_the_language_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (say("Data"), retell("Data")) == ("Data", "Data")
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    assert (say("Data"), retell("Data")) == ("数据", "数据")
    assert counted("{number} thing", "{number} things", 1) == "1 thing"


def test_a_sentence_with_values_is_recognised() -> None:
    assert ZH.retell("a.jsonl: the file cannot be read: gone") == "a.jsonl：文件无法读取：gone"
    assert words("en").retell("a.jsonl: the file cannot be read: gone") == "a.jsonl: the file cannot be read: gone"


def test_a_sentence_inside_a_sentence_is_retold() -> None:
    inner = "field 'text' must be a text, not int"
    assert (
        ZH.retell(f"a.jsonl: the file cannot be read: {inner}")
        == "a.jsonl：文件无法读取：字段 'text' 应为文本，而不是 int"
    )


def test_a_place_in_front_and_each_line_are_kept() -> None:
    inner = "field 'text' must be a text, not int"
    assert (
        ZH.retell(f"sft: {inner}\nno such words\nData") == "sft: 字段 'text' 应为文本，而不是 int\nno such words\n数据"
    )


def test_what_is_not_known_stays_as_it_is() -> None:
    for text in ("", "花", "3", "no such words", "a: b: no such words\n"):
        assert ZH.retell(text) == text
