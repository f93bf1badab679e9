"""Language, script and repetition of answers as models write them."""

import pytest

from zhiyin.evaluation import quality

CHINESE = "请介绍一下北京的秋天。"


@pytest.mark.parametrize(
    ("question", "answer", "share"),
    [
        (CHINESE, "北京的秋天很美。", 0.0),
        (CHINESE, "Autumn is nice", 1.0),
        (CHINESE, "秋天 is nice", 2 / 4),
        ("用 Python 打印 hello", "可以用 Python 打印 hello world", 1 / 8),
        (CHINESE, "代码：```print(x)``` 见 https://a.cn/b 和 $x+y$", 0.0),
        (CHINESE, "秋天はきれい", 4 / 6),
        (CHINESE, "", 0.0),
        (CHINESE, "123！", 0.0),
        ("What is autumn?", "Autumn is 秋天", 2 / 4),
        ("What is autumn?", "A season.", 0.0),
        ("Translate this short text: 秋天", "秋天 is autumn", 0.0),
    ],
)
def test_the_share_that_is_not_in_the_language_of_the_question(question: str, answer: str, share: float) -> None:
    assert quality.other_language(question, answer) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("学习汉语很有意思", 0.0),
        ("學習漢語很有意思", 4 / 8),
        ("學习", 1 / 2),
        ("春眠不觉晓", 0.0),
        ("乾隆皇帝", 0.0),
        ("no Han at all", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_traditional_characters(text: str, share: float) -> None:
    assert quality.traditional(text) == pytest.approx(share)


def test_repetition_counts_pieces_that_stood_before() -> None:
    assert quality.repetition("春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。") == 0.0
    assert quality.repetition("好" * 20) == pytest.approx(12 / 13)
    sentence = "我喜欢北京的秋天。"
    assert quality.repetition(sentence * 4) == pytest.approx(1 - 9 / (9 * 4 - 7))
    assert quality.repetition("短") == 0.0
