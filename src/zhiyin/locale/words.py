"""Say it in the reader's language: English stands in the code, Chinese in `zh/LC_MESSAGES/zhiyin.po`.

Two ways lead there. `say` is for words of the surface (command line, page), which are looked up before the values are
put in. `retell` is for sentences made further down and kept in English, so that artifacts, logs and searches are the
same everywhere: errors, reasons of rejection, warnings. It recognises the sentence by the text around its values.
In the catalogue the values of such a sentence are numbered: `{0}: no field {1}`.
"""

import gettext
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DOMAIN = "zhiyin"
FOLDER = Path(__file__).parent
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that name a language, in the order of GNU gettext."""

_VALUE = re.compile(r"\{(\d+)\}")
_LETTER = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: Language

    def say(self, message: str, **values: object) -> str:
        """Return the message in this language, with the values put in as `str.format` does."""
        return self._catalogue.gettext(message).format(**values)

    def counted(self, one: str, many: str, number: int, **values: object) -> str:
        """Return the message for that number of things; `{number}` stands for it in both forms."""
        return self._catalogue.ngettext(one, many, number).format(number=number, **values)

    def retell(self, text: str) -> str:
        """Return an English sentence made elsewhere in this language, or as it is where it is not known.

        A sentence inside a sentence is retold too, and so is each line, and what follows `place: `.
        """
        if self.language == "en" or not _LETTER.search(text):
            return text
        for sentence in self._sentences:
            if found := sentence.pattern.fullmatch(text):
                return sentence.with_values([self.retell(value) for value in found.groups()])
        if "\n" in text:
            return "\n".join(self.retell(line) for line in text.split("\n"))
        place, colon, rest = text.partition(": ")
        return f"{place}{colon}{self.retell(rest)}" if colon else text

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        if self.language == "en":
            return gettext.NullTranslations()
        return gettext.translation(DOMAIN, FOLDER, [self.language])

    @cached_property
    def _sentences(self) -> "list[_Sentence]":
        """Every sentence of the catalogue that can be recognised, the one with the most text of its own first."""
        written: dict[object, str] = getattr(self._catalogue, "_catalog")  # noqa: B009  # it has no public view
        told = {known: said for known, said in written.items() if isinstance(known, str) and _LETTER.search(known)}
        return sorted(
            (_Sentence.of(known, said) for known, said in told.items()), key=lambda each: (-each.own, len(each.order))
        )


@dataclass(frozen=True)
class _Sentence:
    """One message of the catalogue, and how it is recognised once its values are in it."""

    pattern: re.Pattern[str]
    order: list[str]
    """The number of each value, in the order of the English sentence."""
    told: str
    own: int
    """Characters that are not values."""

    @classmethod
    def of(cls, known: str, told: str) -> "_Sentence":
        parts = _VALUE.split(known)
        texts, order = parts[::2], parts[1::2]
        pattern = "(.*?)".join(map(re.escape, texts))
        return cls(re.compile(pattern, re.DOTALL), order, told, sum(map(len, texts)))

    def with_values(self, values: list[str]) -> str:
        """Return the translation with the values, which come in the order of the English sentence."""
        numbered = dict(zip(self.order, values, strict=True))
        return _VALUE.sub(lambda found: numbered[found[1]], self.told)


@lru_cache
def words(language: Language) -> Words:
    """Return the words of a language."""
    return Words(language)


def spoken(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the user's language, Chinese for any `zh`, else English, by the variables that gettext reads."""
    wanted = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def say(message: str, **values: object) -> str:
    """Return the message in the user's language."""
    return words(spoken()).say(message, **values)


def counted(one: str, many: str, number: int, **values: object) -> str:
    """Return the message for that number of things in the user's language."""
    return words(spoken()).counted(one, many, number, **values)


def retell(text: str) -> str:
    """Return an English sentence in the user's language."""
    return words(spoken()).retell(text)
