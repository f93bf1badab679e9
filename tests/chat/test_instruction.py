"""The strings of an Alpaca-like format taken apart: what is found, and what is refused with which words."""

import re

import pytest
from msgspec import structs

from zhiyin.chat.instruction import Layout, Prompts, layout

SOUND = Prompts("指令\n{instruction}\n材料\n{input}\n答：\n", "下面是任务。\n\n指令\n{instruction}\n\n答：\n", "答：")


def test_the_text_around_instruction_input_and_answer() -> None:
    found = layout(SOUND)
    assert found == Layout(("下面是任务。\n\n指令\n", "\n\n"), ("指令\n", "\n材料\n", "\n"), "答：\n")
    assert found.header == "指令\n"
    assert found.texts == ("下面是任务。\n\n指令\n", "\n\n", "指令\n", "\n材料\n", "\n", "答：\n")


def test_two_braces_write_one() -> None:
    asked = structs.replace(SOUND, prompt_no_input="{{a}} {{{instruction}}}\n答：\n")
    assert layout(asked).alone == ("{a} {", "}\n")


@pytest.mark.parametrize(
    ("before", "header"),
    [
        ("", ""),
        ("指令：", "指令："),
        ("序言。\n\n指令：", "指令："),
        ("序言。\n### 指令：\n", "### 指令：\n"),
        ("### 指令：\n\n", "### 指令：\n\n"),
        ("序言。\n\n指令：\n \n", "指令：\n \n"),
        ("\n\n", "\n\n"),
    ],
)
def test_the_header_is_the_last_line_that_is_not_blank(before: str, header: str) -> None:
    assert layout(structs.replace(SOUND, prompt_no_input=before + "{instruction}\n答：\n")).header == header


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt_input": "{instruction}\n答：\n"}, "must hold {instruction} and then {input}, once each"),
        ({"prompt_input": "{input}\n{instruction}\n答：\n"}, "found: {input}, {instruction}"),
        ({"prompt_input": "{instruction}{input}{input}\n答：\n"}, "found: {instruction}, {input}, {input}"),
        ({"prompt_no_input": "答：\n"}, "`prompt_no_input` must hold {instruction}, once each, and no other braces"),
        ({"prompt_no_input": "答：\n"}, "found: none"),
        ({"prompt_no_input": "{instruction}{domain}\n答：\n"}, "found: {instruction}, {domain}"),
        ({"prompt_no_input": "{}\n答：\n"}, "found: {}"),
        ({"prompt_no_input": "{instruction!r:>9}\n答：\n"}, "found: {instruction!r:>9}"),
        ({"prompt_no_input": "{instruction}}\n答：\n"}, "({{ and }} write a brace); reading it: Single '}'"),
        ({"prompt_no_input": "{instruction\n答：\n"}, "reading it: expected '}'"),
        ({"response_split": " \n"}, "`response_split` is empty"),
        ({"response_split": "回答："}, "must hold the response_split '回答：' once, behind {instruction};"),
        ({"prompt_no_input": "答：{instruction}\n答：\n"}, "once, behind {instruction}; end the prompt with it"),
        ({"prompt_no_input": "{instruction}\n答：答：\n"}, "once, behind {instruction}"),
        ({"prompt_input": "{instruction}答：{input}\n答：\n"}, "must hold the response_split '答：' once"),
        ({"prompt_input": "{instruction}{input}\n答："}, "`prompt_input` writes '答：' from the response_split on"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(changed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layout(structs.replace(SOUND, **changed))
