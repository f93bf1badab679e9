"""Turns of foreign data are checked, and each fault has its own words."""

import pytest

from zhiyin.data.rows import BadRow
from zhiyin.data.turns import conversation, messages, question
from zhiyin.records.conversation import Message

USER, ASSISTANT, SYSTEM = Message("user", "问"), Message("assistant", "答"), Message("system", "你是助手。")


def test_a_good_conversation_passes_whole() -> None:
    turns = (SYSTEM, USER, ASSISTANT, USER, ASSISTANT)
    assert conversation(turns) == turns
    assert question(turns[:-1]) == turns[:-1]


def test_a_blank_system_turn_is_left_out() -> None:
    assert conversation([Message("system", " \n"), USER, ASSISTANT]) == (USER, ASSISTANT)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "no turns"),
        ([SYSTEM], "no turns"),
        ([ASSISTANT], "an assistant turn where the user's is due"),
        ([USER, USER, ASSISTANT], "a user turn where the assistant's is due"),
        ([USER, SYSTEM, ASSISTANT], "a system turn where the assistant's is due"),
        ([USER, Message("assistant", " \u3000\n")], "an empty assistant turn"),
        ([Message("user", ""), ASSISTANT], "an empty user turn"),
        ([USER, ASSISTANT, USER], "it ends with a user turn"),
    ],
)
def test_a_bad_conversation_is_refused(turns: list[Message], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        conversation(turns)


def test_a_prompt_ends_with_the_user() -> None:
    with pytest.raises(BadRow, match="does not end with a user turn"):
        question([USER, ASSISTANT])


def test_roles_and_contents_are_read_in_both_dialects() -> None:
    read = messages(
        [
            {"from": "system", "value": "你是助手。"},
            {"role": "user", "content": [{"type": "text", "value": "问"}, {"type": "text", "text": "？"}]},
            {"from": "gpt", "value": "答"},
        ]
    )
    assert read == [SYSTEM, Message("user", "问？"), ASSISTANT]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "the turns must be a list, not str"),
        (["text"], "a turn must be an object, not str"),
        ([{"from": "function_call", "value": "f()"}], "a turn of the role 'function_call'"),
        ([{"from": ["human"], "value": "问"}], "a turn of the role"),
        ([{"role": "user", "content": None}], "content must be a text, not NoneType"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "a part of type 'image_url'"),
    ],
)
def test_what_a_turn_cannot_express_is_refused(value: object, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        messages(value)
