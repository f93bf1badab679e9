"""Reject records in which a turn, an answer or the document says nothing."""

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts


class EmptyTurn(Filter):
    """A text of nothing but white space."""

    def reject(self, record: Record) -> str | None:
        """Return the reason if any text of the record is blank, or if it has none."""
        found = texts(record)
        return None if found and "" not in map(str.strip, found) else "a turn says nothing"
