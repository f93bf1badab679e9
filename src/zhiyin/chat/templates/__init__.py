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

Formats of the Alpaca kind are given by three strings instead: see `InstructionTemplate`.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Self

from msgspec import Struct
from pydantic import Field, SerializeAsAny, model_validator

from zhiyin.chat.instruction import SECTION, Prompts, layout
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


class Opening(Struct, frozen=True):
    """The first user turn, in a format that writes it differently from the later ones."""

    alone: Turn
    """Where there is no system turn, or an empty one."""
    folded: Turn
    """Where the system turn stands in it, in front of the content."""


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
    opening: Opening | None = None
    """The first user turn, where it differs from `user`; such a format folds its system turn."""
    trim: bool = False
    """Strip white space (Python's and Jinja's notion, U+3000 included) from both ends of every content."""
    stop_texts: tuple[str, ...] = ()
    """Plain text that no answer holds. A package for Ollama stops there, for models that miss their stop token."""

    @property
    def controls(self) -> tuple[str, ...]:
        """Every string that must be one token of its own, each once."""
        return tuple(dict.fromkeys(text for text in (self.pad, self.eos, self.bos, *self.markers, *self.stops) if text))

    def turn(self, role: Role) -> Turn:
        """Return the text around the content of that role; of a user, in a later turn."""
        turns: dict[Role, Turn] = {"system": self.system, "user": self.user, "assistant": self.assistant}
        return turns[role]

    def first_user(self, *, folded: bool) -> Turn:
        """Return the text of the first user turn, with a system turn folded into it or without."""
        if self.opening is None:
            return self.user
        return self.opening.folded if folded else self.opening.alone


class Template(Plugin, ABC):
    """One chat format. Tokens with their mask, the Jinja template and Ollama's template all come from its form."""

    @abstractmethod
    def form(self) -> Form:
        """Return the declaration; `assistant.closing` must hold one of `stops`."""


class InstructionTemplate(Template, ABC):
    """A format of plain text, in the form of Alpaca: a preamble, an instruction, perhaps its input, the answer.

    A system turn is the instruction, and the first user turn its input (`prompt_input`); without a system turn, the
    user turn is the instruction (`prompt_no_input`). A later user turn stands behind a blank line under the header of
    the instruction, without the preamble and as an instruction alone. An answer ends with `eos`.
    """

    bos: str = "<s>"
    """The beginning-of-sequence token of the base model; empty where it has none."""
    eos: str = Field(default="</s>", min_length=1)
    """The end-of-sequence token of the base model, which ends every answer."""
    pad: str = Field(default="<unk>", min_length=1)
    """The token that fills up batches; LLaMA has none of its own."""

    @abstractmethod
    def prompts(self) -> Prompts:
        """Return the three strings; `layout` says what they must hold."""

    def form(self) -> Form:
        """See `Template`."""
        parts = layout(self.prompts())
        (before, behind), (first, between, last) = parts.alone, parts.with_input
        return Form(
            bos=self.bos,
            eos=self.eos,
            pad=self.pad,
            markers=(),
            stops=(self.eos,),
            system=Turn(first, between),
            user=Turn(SECTION + parts.header, behind),
            assistant=Turn(parts.response, self.eos),
            fold_system=True,
            opening=Opening(alone=Turn(before, behind), folded=Turn("", last)),
            stop_texts=(parts.header.strip(),) if parts.header.strip() else (),
        )

    @model_validator(mode="after")
    def _plain_text(self) -> Self:
        """Check the strings; a control token among them would open or end the text a second time."""
        for text in layout(self.prompts()).texts:
            for control in (self.bos, self.eos, self.pad):
                if control and control in text:
                    raise ValueError(f"the prompt holds {control!r}, which the format puts in by itself; leave it out")
        return self


AnyTemplate = Annotated[SerializeAsAny[Template], choice(Template)]
