"""What can be wrong with a preference pair, and what tells its chosen answers from its rejected ones too easily."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from zhiyin.records.preference import Preference
from zhiyin.text.language import count_han, count_words, language

Check = Literal[
    "empty", "identical", "near_identical", "wrong_answer", "other_language", "not_the_prompts_language", "length_gap"
]
WIDTH = 3
"""Characters of the pieces by which two answers are compared."""
_LETTER = re.compile(r"(?<![A-Za-z])[A-Z](?![A-Za-z])")
_NUMBER = re.compile(r"(?:(?<![0-9A-Za-z)])-)?\d+(?:\.\d+)?")
_EMOJI = re.compile("[\U0001f1e6-\U0001faff\u2600-\u27bf\u2b50\u2b55]")
_MARKDOWN = re.compile(r"^\s*(?:#{1,6} |[-*+] |\d+[.)、] ?|>|\|)|\*\*|```", re.MULTILINE)


class Limits(Struct, frozen=True):
    """Where a pair begins to be wrong."""

    similarity: float
    length_ratio: float
    answer_field: str


def faults(pair: Preference, limits: Limits) -> Iterator[Check]:
    """Yield every check that the pair fails, the graver ones first."""
    chosen, rejected = _squeezed(pair.chosen), _squeezed(pair.rejected)
    if not chosen or not rejected:
        yield "empty"
        return
    if chosen == rejected:
        yield "identical"
        return
    if similarity(chosen, rejected) >= limits.similarity:
        yield "near_identical"
    gold = pair.meta.get(limits.answer_field)
    if gold is not None and not states(pair.chosen, str(gold)):
        yield "wrong_answer"
    spoken, others = language(pair.chosen), language(pair.rejected)
    if _differ(spoken, others):
        yield "other_language"
    if _differ(spoken, language(pair.prompt[-1].content)):
        yield "not_the_prompts_language"
    # A character of Chinese says as much as several Latin letters.
    if spoken == others and max(len(chosen), len(rejected)) > limits.length_ratio * min(len(chosen), len(rejected)):
        yield "length_gap"


def similarity(one: str, other: str) -> float:
    """Return the share of like pieces of `WIDTH` characters (Dice): 1 for equal texts, 0 where nothing is shared."""
    if min(len(one), len(other)) < WIDTH:
        return float(one == other)
    ours, theirs = _pieces(one), _pieces(other)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def states(text: str, gold: str) -> bool:
    """Tell whether an answer states the right one anywhere: a letter standing alone, a whole number, or the words."""
    text, gold = unicodedata.normalize("NFKC", text), unicodedata.normalize("NFKC", gold).strip()
    if _LETTER.fullmatch(gold):
        return gold in _LETTER.findall(text)
    bare = gold.replace(",", "")
    if _NUMBER.fullmatch(bare):
        return float(bare) in map(float, _NUMBER.findall(text.replace(",", "")))
    return _squeezed(gold) in _squeezed(text)


FEATURES: MappingProxyType[str, Callable[[str], float]] = MappingProxyType(
    {
        "length": len,
        "han_share": lambda text: count_han(text) / (count_han(text) + count_words(text) or 1),
        "emoji": lambda text: len(_EMOJI.findall(text)),
        "markdown": lambda text: len(_MARKDOWN.findall(text)),
    }
)
"""Numbers of a text that know nothing of what it says."""


class Separation(Struct, frozen=True, forbid_unknown_fields=True):
    """How well a rule of one feature finds the chosen answer: 0.5 is guessing, at 1 there is nothing else to learn."""

    accuracy: float
    """Share of the pairs in which the answer with more of the feature is the chosen one; equal ones count half."""
    more_in: Literal["chosen", "rejected"]
    """The side that has more of it."""


class Tally:
    """Counts, pair by pair, which side has more of each feature."""

    def __init__(self) -> None:
        self._ahead = dict.fromkeys(FEATURES, 0.0)
        self._pairs = 0

    def add(self, pair: Preference) -> None:
        """Count one pair."""
        self._pairs += 1
        for name, feature in FEATURES.items():
            chosen, rejected = feature(pair.chosen), feature(pair.rejected)
            self._ahead[name] += (chosen > rejected) + (chosen == rejected) / 2

    def separations(self) -> dict[str, Separation]:
        """Return the rule of each feature, the best first; none where there are no pairs."""
        found = {name: ahead / self._pairs for name, ahead in self._ahead.items() if self._pairs}
        rules = {
            name: Separation(max(share, 1 - share), "chosen" if share >= 0.5 else "rejected")
            for name, share in found.items()
        }
        return dict(sorted(rules.items(), key=lambda rule: -rule[1].accuracy))


def separations(pairs: Iterable[Preference]) -> dict[str, Separation]:
    """Return the rule of each feature over the pairs."""
    tally = Tally()
    for pair in pairs:
        tally.add(pair)
    return tally.separations()


def _squeezed(text: str) -> str:
    """Return the text in one width and case, without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _pieces(text: str) -> set[str]:
    return {text[start : start + WIDTH] for start in range(len(text) - WIDTH + 1)}


def _differ(one: str, other: str) -> bool:
    """Tell whether two languages differ, where both are known."""
    return bool(one and other) and one != other
