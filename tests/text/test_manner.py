"""Answers that run on, refuse, or hold the markers of a chat format."""

import pytest

from zhiyin.text.manner import asks, holds_markers, refuses, runs_on


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
    assert runs_on(text) is found


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
    assert refuses(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("很美。<|im_end|>", True),
        ("<user>：肝癌怎么治？ <bot>：手术。", True),
        ("[|Human|] Hello", True),
        ("下题\n### Response:\n好", True),
        ("列表 [1] 与 <b>，## 标题", False),
        ("用户：你好\n助手：你好", False),
    ],
)
def test_markers_of_a_chat_format(text: str, found: bool) -> None:
    assert holds_markers(text) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("请帮我写一首诗。", True),
        ("我想了解唐诗。", True),
        ("你能写诗吗？", True),
        ("How do I sort a list", True),
        ("你是一名诗人，乐于帮我们写诗。", False),
        ("请先弄明白用户想要什么，再回答。", False),
        ("You help people. What they ask, you answer.", False),
    ],
)
def test_words_of_a_user(text: str, found: bool) -> None:
    assert asks(text) is found
