"""Reject records that were once read in a wrong encoding."""

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts
from zhiyin.text.faults import count_broken


class BrokenCharacters(Filter):
    """Replacement characters, characters of private use, 锟斤拷, and Chinese that was read as Latin-1."""

    most: int = Field(default=0, ge=0)
    """How many such places a record may have."""

    def reject(self, record: Record) -> str | None:
        """Count the places."""
        return "broken characters" if sum(map(count_broken, texts(record))) > self.most else None
