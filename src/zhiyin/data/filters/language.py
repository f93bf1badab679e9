"""Reject records that are not in the language they should be in."""

from typing import Literal

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import answers, questions, texts
from zhiyin.text.language import KANA_AND_HANGUL, count_han, count_words, without_code


class Language(Filter):
    """The share of one language: Han characters against words of other scripts.

    Code, formulas and addresses do not count, nor does a part that holds nothing to tell by.
    """

    language: Literal["zh", "en"] = "zh"
    """The language wanted: Chinese, or one in Latin letters."""
    least: float = Field(default=0.3, ge=0, le=1)
    """The smallest share that this language may have."""
    of: Literal["record", "questions", "answers"] = "record"
    """What is measured: all texts together; what users say; what is answered, or the document."""
    min_units: int = Field(default=20, ge=1)
    """Parts with fewer Han characters and words than this are let through: names, formulas, choices."""

    def reject(self, record: Record) -> str | None:
        """Count characters and words."""
        part = {"record": texts, "questions": questions, "answers": answers}[self.of](record)
        bare = without_code("\n".join(part))
        han = count_han(bare)
        # Were every other character a word of its own, it would still be enough.
        if self.language == "zh" and han >= self.least * len(bare):
            return None
        words = count_words(bare)
        whole = han + words + len(KANA_AND_HANGUL.findall(bare))
        wanted = han if self.language == "zh" else words
        return "too little of the language" if whole >= self.min_units and wanted < self.least * whole else None
