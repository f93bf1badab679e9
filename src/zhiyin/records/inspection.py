"""What a look at records through a tokenizer finds: lengths, and some records token by token."""

from msgspec import Struct


class Lengths(Struct, frozen=True, forbid_unknown_fields=True):
    """The lengths in tokens of the records of one set, source and kind; a line of `lengths.jsonl`."""

    template: str
    set: str
    source: str
    kind: str
    records: int
    mean: float
    median: int
    most_of: int
    """The length that 95 of 100 records do not exceed."""
    longest: int
    over: int
    """Records longer than the limit: they would be cut or left out in training."""
    supervised: float
    """Share of the tokens that the loss counts."""
    characters_per_token: float
    """Of the records' own texts; the more, the better the tokenizer knows the language."""


class Piece(Struct, frozen=True, forbid_unknown_fields=True):
    """Neighbouring tokens that make whole characters together: mostly one, several where each holds a part of one."""

    text: str
    ids: tuple[int, ...]
    supervised: bool


class Shown(Struct, frozen=True, forbid_unknown_fields=True):
    """A record token by token; a line of `samples.jsonl`."""

    set: str
    id: str
    source: str
    kind: str
    tokens: int
    over: bool
    """It is longer than the limit."""
    pieces: tuple[Piece, ...]
    rest: int = 0
    """Tokens that are not shown."""
