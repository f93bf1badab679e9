"""Records on disk: one JSON object a line, UTF-8, split at `\\n` alone (never at U+2028, which may stand in a text)."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R", bound=Struct)


class Rejected(Struct, frozen=True, forbid_unknown_fields=True):
    """A row that was set aside, whole, with the reason and the place it came from."""

    where: str
    """`file:line`, or the id of the record."""
    reason: str
    row: str
    """The row as it was, as text."""


def read(path: Path, type: type[R]) -> Iterator[R]:
    """Yield the records of a file; raises `ValueError` with file and line when one does not fit its type."""
    decoder = msgspec.json.Decoder(type)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ValueError(f"{path}:{number}: not a {type.__name__}: {error}") from error


def write(path: Path, records: Iterable[Struct]) -> int:
    """Write records, one a line; returns how many. Raises `ValueError` for a text that UTF-8 cannot hold."""
    encoder, count = msgspec.json.Encoder(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for record in records:
            try:
                file.write(encoder.encode(record) + b"\n")
            except UnicodeEncodeError as error:
                at = getattr(record, "id", count + 1)
                raise ValueError(f"{path}: record {at}: a text holds half of a surrogate pair: {error}") from error
            count += 1
    return count
