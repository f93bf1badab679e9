"""A dialogue written as one text, in which marks such as `[|Human|]` say who speaks."""

import re
from collections.abc import Mapping

from zhiyin.records.conversation import Message, Role


def split(text: str, marks: Mapping[str, Role]) -> tuple[str, list[Message]]:
    """Return what stands before the first mark, and the turns; blanks around both are taken off.

    An open mark, a last one of the user's with nothing behind it, asks nothing and makes no turn.
    """
    before, *parts = re.split(f"({'|'.join(map(re.escape, marks))})", text)
    turns = [Message(marks[mark], said.strip()) for mark, said in zip(parts[::2], parts[1::2], strict=True)]
    if turns and turns[-1].role == "user" and not turns[-1].content:
        turns.pop()
    return before.strip(), turns
