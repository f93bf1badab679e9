"""Turns whose parts go by other names than usual: the tags of LLaMA-Factory."""

from collections.abc import Mapping

from zhiyin.data.rows import BadRow
from zhiyin.data.turns import content
from zhiyin.execution.config import Config
from zhiyin.records.conversation import Message, Role


class Tags(Config):
    """What a data set calls the parts of a turn, and who speaks."""

    role_tag: str = "from"
    """The key that holds who speaks."""
    content_tag: str = "value"
    """The key that holds what is said."""
    user_tag: str = "human"
    """The user."""
    assistant_tag: str = "gpt"
    """The assistant."""
    system_tag: str = "system"
    """The system prompt."""
    observation_tag: str = "observation"
    """What a tool returned; a dialogue with such a turn is rejected."""
    function_tag: str = "function_call"
    """The call of a tool; a dialogue with such a turn is rejected."""

    def messages(self, value: object) -> list[Message]:
        """Read a list of turns; raises `BadRow` for any that cannot be expressed."""
        if not isinstance(value, list):
            raise BadRow(f"the turns must be a list, not {type(value).__name__}")
        return [self.message(turn) for turn in value]

    def message(self, turn: object) -> Message:
        """Read one turn."""
        if not isinstance(turn, Mapping):
            raise BadRow(f"a turn must be an object, not {type(turn).__name__}")
        word = turn.get(self.role_tag)
        if word in (self.observation_tag, self.function_tag):
            raise BadRow("a tool's turn; the records have none for tools")
        roles: dict[object, Role] = {
            self.system_tag: "system",
            self.user_tag: "user",
            self.assistant_tag: "assistant",
        }
        if not isinstance(word, str) or word not in roles:
            raise BadRow(f"a turn of the role {word!r}; the tags name {', '.join(map(str, roles))}")
        return Message(roles[word], content(turn.get(self.content_tag)))
