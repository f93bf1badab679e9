"""Language, script, repetition, run-on and refusal of answers as models write them."""

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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("北京的秋天很美。", False),
        ("很美。<end_of_turn>\n<start_of_turn>user", True),
        ("很美。\nuser\n还有呢？", True),
        ("很美。\n### Instruction:\n下一题", True),
        ("很美。\n用户：还有呢？", True),
        ("The user said so, and the model agreed.", False),
        ("问题很难，答案是三。", False),
        ("很美。</s>", True),
    ],
)
def test_an_answer_that_goes_on_past_its_end(text: str, found: bool) -> None:
    assert quality.runs_on(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("很抱歉，我无法回答这个问题。", True),
        ("作为一个人工智能语言模型，我没有个人感受。", True),
        ("I'm sorry, but I can't help with that.", True),
        ("我不能提供这类信息。", True),
        ("他说：“对不起，我来晚了。”", False),
        ("可以。首先打开文件。", False),
        ("北京" * 80 + "我无法回答", False),
    ],
)
def test_a_refusal_is_told_from_an_answer(text: str, found: bool) -> None:
    assert quality.refuses(text) is found
