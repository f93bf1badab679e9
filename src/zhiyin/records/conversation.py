"""What a model is trained on: plain documents and conversations."""

from typing import Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant"]
Meta = dict[str, str | int | float | bool | list[str]]


class Message(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One turn, in the OpenAI and Hugging Face form."""

    role: Role
    content: str


class Document(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Plain text, for pre-training, tokenizers and perplexity."""

    id: str
    text: str
    source: str
    """The data set it came from."""
    kind: str = ""
    """The task or genre, for tables and stratified sampling."""
    meta: Meta = {}


class Conversation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Instruction data and multi-turn data alike: an optional system turn, then user and assistant in turn."""

    id: str
    messages: tuple[Message, ...]
    source: str
    """The data set it came from."""
    kind: str = ""
    """The task or genre, for tables and stratified sampling."""
    meta: Meta = {}
