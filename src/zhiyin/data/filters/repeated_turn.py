"""Reject records in which a turn says what another turn said."""

from collections.abc import Sequence

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import answers, questions, texts


class RepeatedTurn(Filter):
    """An answer that is its question over again, or one that was given before in the same dialogue."""

    min_characters: int = Field(default=10, ge=1)
    """Shorter turns may stand twice: people thank and greet again."""

    def reject(self, record: Record) -> str | None:
        """Compare turns without their white space."""
        if not self._alike(texts(record)):
            return None
        asked = [self._bare(text) for text in questions(record)]
        said = [self._bare(text) for text in answers(record)]
        if set(filter(None, said)) & set(asked):
            return "an answer repeats its question"
        long = [text for text in said if text]
        return "an answer is given twice" if len(set(long)) < len(long) else None

    def _alike(self, turns: Sequence[str]) -> bool:
        """Tell whether two turns begin and end alike, which is quick to see."""
        long = [turn.strip() for turn in turns if len(turn) >= self.min_characters]
        return len({turn[:1] + turn[-1:] for turn in long}) < len(long)

    def _bare(self, text: str) -> str:
        """Return the text without white space, or nothing for one too short to count."""
        return "".join(text.split()) if len(text) >= self.min_characters else ""
