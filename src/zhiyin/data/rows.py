"""A raw row and where it stood: what sources read before anything becomes a record."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Row(Struct, frozen=True):
    """One raw row and where it stood."""

    where: str
    """`file:line` for line formats, `file:index` (from 1) for an array."""
    value: Mapping[str, Any]


class BadRow(ValueError):
    """A row that cannot become a record; the message is the reason it is set aside with."""
