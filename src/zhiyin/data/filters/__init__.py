"""The family of filters. A member says why a record should not be trained on, or nothing.

Example, `filters/length.py`:

    class Length(Filter):
        max_characters: int = 4096

        def reject(self, record: Record) -> str | None:
            return "too long" if characters(record) > self.max_characters else None
"""

from abc import ABC, abstractmethod
from typing import Annotated

from pydantic import SerializeAsAny

from zhiyin.data.sources import Record
from zhiyin.execution.catalog import Plugin, choice


class Filter(Plugin, ABC):
    """One reason to set a record aside. Pure and deterministic."""

    @abstractmethod
    def reject(self, record: Record) -> str | None:
        """Return the reason, short and countable, or None to keep the record."""


AnyFilter = Annotated[SerializeAsAny[Filter], choice(Filter)]
