"""The family of filters. A member says why a record should not be trained on, or nothing.

Example, `filters/length.py`:

    class Length(Filter):
        max_characters: int = 4096

        def reject(self, record: Record) -> str | None:
            return "too long" if characters(record) > self.max_characters else None
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated

from pydantic import SerializeAsAny

from zhiyin.data.sources import Record
from zhiyin.execution.catalog import Plugin, choice


class Filter(Plugin, ABC):
    """One reason to set a record aside. Pure and deterministic."""

    @abstractmethod
    def reject(self, record: Record) -> str | None:
        """Return the reason, short and countable, or None to keep the record."""

    def reasons(self, records: Sequence[Record]) -> list[str | None]:
        """Return `reject` of each; a member that is faster with many at once overrides it."""
        return [self.reject(record) for record in records]


AnyFilter = Annotated[SerializeAsAny[Filter], choice(Filter)]
