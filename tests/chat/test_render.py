"""Role order, and the segments of a conversation."""

import pytest

from zhiyin.chat.render import Segment, render
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.records.conversation import Message, Role


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ((), "no messages"),
        (("system",), "system"),
        (("assistant",), "assistant"),
        (("user", "user"), "user, user"),
        (("user", "assistant", "assistant"), "user, assistant, assistant"),
        (("user", "system", "assistant"), "user, system, assistant"),
        (("system", "system", "user"), "system, system, user"),
    ],
)
def test_roles_out_of_order_are_named(roles: tuple[Role, ...], found: str) -> None:
    with pytest.raises(ValueError, match=f"in turn; found: {found}$"):
        render(Gemma2().form(), [Message(role, "春") for role in roles])


def test_segments_know_what_they_are() -> None:
    segments = render(Gemma2().form(), [Message("system", " 简短 "), Message("user", "<bos>春")], reply=True)
    assert segments == (
        Segment("<bos>", "opening", None, -1, control=True),
        Segment("<start_of_turn>", "before", "user", 1, control=True),
        Segment("user\n", "before", "user", 1),
        Segment("简短", "content", "system", 0),
        Segment("\n\n", "closing", "system", 0),
        Segment("<bos>春", "content", "user", 1),
        Segment("<end_of_turn>", "closing", "user", 1, control=True),
        Segment("\n", "after", "user", 1),
        Segment("<start_of_turn>", "before", "assistant", 2, control=True),
        Segment("model\n", "before", "assistant", 2),
    )


def test_an_empty_system_turn_is_not_folded() -> None:
    with_empty = render(Gemma2().form(), [Message("system", " \n"), Message("user", "春")])
    assert [segment.text for segment in with_empty] == [
        "<bos>",
        "<start_of_turn>",
        "user\n",
        "春",
        "<end_of_turn>",
        "\n",
    ]
