"""The family of chat templates. A member declares the strings around each turn; everything else follows from that.

Example, `templates/chatml.py`:

    class ChatML(Template):
        def form(self) -> Form:
            return Form(
                bos="",
                eos="<|im_end|>",
                pad="<|endoftext|>",
                markers=("<|im_start|>", "<|im_end|>"),
                stops=("<|im_end|>", "<|endoftext|>"),
                system=Turn("<|im_start|>system\\n", "<|im_end|>", "\\n"),
                user=Turn("<|im_start|>user\\n", "<|im_end|>", "\\n"),
                assistant=Turn("<|im_start|>assistant\\n", "<|im_end|>", "\\n"),
            )
"""

from abc import ABC, abstractmethod
from typing import Annotated

from msgspec import Struct
from pydantic import SerializeAsAny

from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.conversation import Role


class Turn(Struct, frozen=True):
    """The text around one role's content, control strings and plain text alike."""

    before: str
    """Of the assistant, this is also the generation prefix."""
    closing: str
    """What the author of the turn writes to end it; of the assistant it is supervised, so generation stops."""
    after: str = ""
    """What the format adds behind a closed turn; never supervised."""


class Form(Struct, frozen=True):
    """The whole declaration of a chat format."""

    bos: str
    """Stands once, in front of everything; empty for a format without one."""
    eos: str
    """The tokenizer's end-of-sequence token."""
    pad: str
    """Fills up batches; its positions are masked, so any known token will do."""
    markers: tuple[str, ...]
    """The other control strings; a format that marks its turns with plain text has none."""
    stops: tuple[str, ...]
    """Control strings that end generation."""
    system: Turn
    user: Turn
    assistant: Turn
    fold_system: bool = False
    """Put the system turn inside the first user turn, in front of its content; an empty one is left out."""
    trim: bool = False
    """Strip white space (Python's and Jinja's notion, U+3000 included) from both ends of every content."""

    @property
    def controls(self) -> tuple[str, ...]:
        """Every string that must be one token of its own, each once."""
        return tuple(dict.fromkeys(text for text in (self.pad, self.eos, self.bos, *self.markers, *self.stops) if text))

    def turn(self, role: Role) -> Turn:
        """Return the text around the content of that role."""
        turns: dict[Role, Turn] = {"system": self.system, "user": self.user, "assistant": self.assistant}
        return turns[role]


class Template(Plugin, ABC):
    """One chat format. Tokens with their mask, the Jinja template and Ollama's template all come from its form."""

    @abstractmethod
    def form(self) -> Form:
        """Return the declaration; `assistant.closing` must hold one of `stops`."""


AnyTemplate = Annotated[SerializeAsAny[Template], choice(Template)]
