"""What a record becomes before it is tensors."""

from msgspec import Struct

from zhiyin.chat.encode import Encoded


class Example(Struct, frozen=True):
    """One token sequence, or a chosen and a rejected one."""

    id: str
    sequences: tuple[Encoded, ...]
