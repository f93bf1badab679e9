"""Sentences in the reader's language: looked up before their values are in, or recognised around them."""

import sys

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
    inner = "a turn's content must be a text, not int"
    assert (
        ZH.retell(f"a.jsonl: the file cannot be read: {inner}")
        == "a.jsonl：文件无法读取：轮次的内容应为文本，而不是 int"
    )


def test_a_place_in_front_and_each_line_are_kept() -> None:
    inner = "a turn's content must be a text, not int"
    assert (
        ZH.retell(f"sft: {inner}\nno such words\n  Data")
        == "sft: 轮次的内容应为文本，而不是 int\nno such words\n  数据"
    )


def test_the_most_is_told() -> None:
    """A general sentence (`{0}, got {1}`) must not hide a special one that stands behind the place."""
    assert ZH.retell("r.yaml:4: data.b.total: expected a whole number, got 'many'") == (
        "r.yaml:4: data.b.total: 应为整数，实为 'many'"
    )
    assert ZH.retell("Invalid value for '--workers': Input should be greater than or equal to 1") == (
        "'--workers' 的值无效：应不小于 1"
    )
    assert ZH.retell("command line: a=1: no variable is called 'a'; there are b") == (
        "命令行：a=1: 没有名为 'a' 的变量；现有 b"
    )


def test_a_name_is_never_told() -> None:
    """A label may be called like a word of the page."""
    assert ZH.retell("Data: system: no field 'x'") == "Data: system: no field 'x'"
    assert ZH.retell("data must hold one right, it holds user") == "data 中应恰有一个 right，实有 user 个"
    assert ZH.retell("Data is missing") == "Data 缺失"


def test_a_space_parts_chinese_from_other_script_only() -> None:
    assert ZH.retell("expected a whole number, got nothing") == "应为整数，实为空"
    assert ZH.retell("expected 'a', got 'b'") == "应为 'a'，实为 'b'"
    assert ZH.retell("unknown key; known are x") == "未知的键；已知的有 x"
    assert ZH.retell("unknown key (did you mean 'x'?); known are x") == "未知的键（是否指 'x'？）；已知的有 x"


def test_messages_with_named_values_are_only_said() -> None:
    assert ZH.retell("{count} unanswered") == "{count} unanswered"
    assert ZH.retell("3 unanswered") == "3 unanswered"


def work(text: str) -> int:
    """Return how many calls it takes to retell a text."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        ZH.retell(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("piece", ["x or y: ", "{0} is a ", "no step, got is a makes reads "])
def test_a_long_text_takes_no_more_than_the_square_of_its_length(piece: str) -> None:
    short, long = piece * 5, piece * 20
    assert work(long) <= 1.25 * 4**2 * work(short)


def test_what_is_not_known_stays_as_it_is() -> None:
    for text in ("", "花", "3", "no such words", "a: b: no such words\n"):
        assert ZH.retell(text) == text
