"""Reject records that are too short or too long."""

from typing import Self

from pydantic import Field, model_validator

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import characters


class Length(Filter):
    """Bounds on the characters of a whole record; of a preference, with the longer of its answers."""

    min_characters: int = Field(default=1, ge=0)
    """The fewest characters a record may have."""
    max_characters: int = Field(default=4096, ge=1)
    """The most characters a record may have."""

    @model_validator(mode="after")
    def _some_length_fits(self) -> Self:
        if self.min_characters > self.max_characters:
            raise ValueError(f"min_characters {self.min_characters} is above max_characters {self.max_characters}")
        return self

    def reject(self, record: Record) -> str | None:
        """Say which bound is broken."""
        length = characters(record)
        if length < self.min_characters:
            return f"shorter than {self.min_characters} characters"
        return f"longer than {self.max_characters} characters" if length > self.max_characters else None
