"""Reject texts that say the same thing again and again."""

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts


class Repetition(Filter):
    """The share of a text's character n-grams that were there before.

    After the repetition filters of Gopher (Rae et al. 2021, appendix A.1.1), with characters in place of words, which
    Chinese does not separate.
    """

    length: int = Field(default=10, ge=2)
    """Characters in an n-gram; runs of digits and punctuation repeat more easily than words."""
    max_share: float = Field(default=0.4, gt=0, le=1)
    """The largest share of repeated n-grams in any one text."""
    min_characters: int = Field(default=100, ge=1)
    """Texts shorter than this are let through: refrains and short lists repeat by nature."""

    def reject(self, record: Record) -> str | None:
        """Return the reason if any text of the record repeats itself too much."""
        return "a text repeats itself" if any(self._share(text) > self.max_share for text in texts(record)) else None

    def _share(self, text: str) -> float:
        count = len(text) - self.length + 1
        if len(text) < self.min_characters or count < 1:
            return 0.0
        return 1 - len({text[start : start + self.length] for start in range(count)}) / count
