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

MOST_TEXTS, MOST_COLONS = 100, 12
"""Texts inside one text that are looked at, and colons in each: what a library complains of may be long."""

_VALUE = re.compile(r"\{(\d+)\}")
_NAMED = re.compile(r"\{[a-z]")
_LETTERS = re.compile(r"[A-Za-z]{2}")
_WIDE = re.compile(r"[一-鿿，。；：？！、（）《》“”]")


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

        Each line is retold, what follows `place: `, and a sentence inside a sentence. A single word inside a sentence
        is a name and stays.
        """
        if self.language == "en" or not _LETTERS.search(text):
            return text
        before: dict[str, _Retold] = {}
        return "\n".join(self._line(line, before).text for line in text.split("\n"))

    def _line(self, line: str, before: "dict[str, _Retold]") -> "_Retold":
        """Retell sentences that stand between colons, so that the most is known; `before` holds what was retold."""
        if line not in before and len(before) < MOST_TEXTS:
            before[line] = _Retold(line, 0)
            pieces = line.split(": ", MOST_COLONS)
            best = [_Retold("", 0)]
            for start in reversed(range(len(pieces))):
                tries = [_Retold(pieces[start], 0).followed_by(best[0])]
                for end in range(start + 1, len(pieces) + 1):
                    text = ": ".join(pieces[start:end])
                    if " " in text.strip() or text == line:
                        tries.append(self._sentence(text, before).followed_by(best[end - start - 1]))
                best.insert(0, max(tries, key=lambda each: each.known))
            before[line] = best[0]
        return before.get(line) or _Retold(line, 0)

    def _sentence(self, text: str, before: "dict[str, _Retold]") -> "_Retold":
        """Retell one sentence and its values."""
        core = text.strip()
        if plain := self._plain.get(core):
            return _Retold(text.replace(core, plain.told, 1), plain.own)
        for sentence in self._patterns:
            if (values := sentence.values(text)) is not None:
                inner = [self._line(value, before) if " " in value.strip() else _Retold(value, 0) for value in values]
                told = sentence.with_values([value.text for value in inner])
                return _Retold(told, sentence.own + sum(value.known for value in inner))
        return _Retold(text, 0)

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        if self.language == "en":
            return gettext.NullTranslations()
        return gettext.translation(DOMAIN, FOLDER, [self.language])

    @cached_property
    def _sentences(self) -> "list[_Sentence]":
        """What may be retold; messages with named values or a plural are only ever said."""
        written: dict[object, str] = getattr(self._catalogue, "_catalog")  # noqa: B009  # it has no public view
        return [
            _Sentence.of(known, said)
            for known, said in written.items()
            if isinstance(known, str) and _LETTERS.search(known) and not _NAMED.search(known)
        ]

    @cached_property
    def _plain(self) -> "dict[str, _Sentence]":
        return {each.texts[0]: each for each in self._sentences if len(each.texts) == 1}

    @cached_property
    def _patterns(self) -> "list[_Sentence]":
        """Every sentence with values, the one with the most text of its own first."""
        return sorted((each for each in self._sentences if len(each.texts) > 1), key=lambda each: -each.own)


@dataclass(frozen=True)
class _Retold:
    """A text in the reader's language."""

    text: str
    known: int
    """Characters of the original that the catalogue knows."""

    def followed_by(self, rest: "_Retold") -> "_Retold":
        """Return this text and what stands behind the next colon."""
        colon = "" if not rest.text else "：" if self.known else ": "
        return _Retold(f"{self.text}{colon}{rest.text}", self.known + rest.known)


@dataclass(frozen=True)
class _Sentence:
    """One sentence of the catalogue, and how it is recognised once its values are in it."""

    texts: tuple[str, ...]
    """What stands before, between and after the values."""
    order: tuple[str, ...]
    """The number of each value, in the order of the English sentence."""
    told: str
    own: int
    """Characters that are not values."""

    @classmethod
    def of(cls, known: str, told: str) -> "_Sentence":
        parts = _VALUE.split(known)
        return cls(tuple(parts[::2]), tuple(parts[1::2]), told, sum(map(len, parts[::2])))

    def values(self, text: str) -> list[str] | None:
        """Return the values that make the sentence this text, each as short as can be; None when none do."""
        first, *between, last = self.texts
        end = len(text) - len(last)
        if end < len(first) or not text.startswith(first) or not text.endswith(last):
            return None
        found, at = [], len(first)
        for part in between:
            place = text.find(part, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(part)
        return [*found, text[at:end]]

    def with_values(self, values: list[str]) -> str:
        """Return the translation with the values, which come in the order of the English sentence.

        A space that parts a value from Chinese is left out beside a value that is Chinese itself, or empty.
        """
        numbered = dict(zip(self.order, values, strict=True))
        text, *rest = _VALUE.split(self.told)
        for number, after in zip(rest[::2], rest[1::2], strict=True):
            value = numbered[number]
            text = text.removesuffix(" ") if not value or _WIDE.match(value) else text
            text += value + (after.removeprefix(" ") if not value or _WIDE.match(value[-1:]) else after)
        return text


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
