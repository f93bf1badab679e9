"""Records on disk: one JSON object a line, UTF-8, split at `\\n` alone (never at U+2028, which may stand in a text)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R", bound=Struct)

AT_ONCE = 64
"""Records encoded together."""
HALF = "a text holds half of a surrogate pair"


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


def write(path: Path, records: Iterable[R], tally: Callable[[list[R]], None] | None = None) -> int:
    """Write records, one a line; returns how many. Raises `ValueError` for a text that UTF-8 cannot hold.

    `tally` is shown every record, some at a time, once they are written.
    """
    encode, rest, count = msgspec.json.Encoder().encode_lines, iter(records), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        while some := list(islice(rest, AT_ONCE)):
            try:
                file.write(encode(some))
            except UnicodeEncodeError as error:
                raise ValueError(f"{path}: record {_unwritable(some, count)}: {HALF}: {error}") from error
            if tally is not None:
                tally(some)
            count += len(some)
    return count


def _unwritable(records: list[R], before: int) -> str:
    """Return the id of the first record that UTF-8 cannot hold, or its number."""
    for number, record in enumerate(records, start=before + 1):
        try:
            msgspec.json.encode(record)
        except UnicodeEncodeError:
            return str(getattr(record, "id", number))
    raise AssertionError("each record can be written by itself")
