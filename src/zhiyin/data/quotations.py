"""Which records quote a benchmark's questions: what is protected of each prompt, and the hits in some records."""

import re
import string
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from msgspec import Struct

from zhiyin.artifacts import PromptSet
from zhiyin.data.kernels.squeeze import squeeze
from zhiyin.data.kernels.windows import COMMON, SHORT, Index, Match, index, matches
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts
from zhiyin.records.contamination import Hit
from zhiyin.records.prompt import Prompt

Folders = tuple[tuple[str, Path], ...]
"""Name and folder of each prompt set, in the order of their names."""

_OPTIONS = re.compile(r"[\W_]*[AaＡａ1１①甲一]")
"""The first of some options."""
FULL = 20
"""Characters from which a question needs no options to be found among other letters: windows find it."""


class Protected(Struct, frozen=True):
    """Questions of benchmarks, each once, however many prompts ask it."""

    index: Index
    texts: tuple[str, ...]
    prompts: tuple[tuple[tuple[str, str], ...], ...]
    """Of each question: the prompts that ask it, as name of the set and id."""
    stems: frozenset[int]
    """Questions that many items ask with different options."""


class Item(Struct, frozen=True):
    """What a prompt asks."""

    prompts: str
    prompt_id: str
    question: str
    options: tuple[str, ...] = ()

    @property
    def full(self) -> str:
        """The question with its options, as exams print them."""
        listed = zip(string.ascii_uppercase, self.options, strict=False)
        return "\n".join([self.question, *(f"{letter}. {option}" for letter, option in listed)])


@lru_cache(maxsize=1)
def protected(folders: Folders) -> Protected:
    """Read prompt sets. A worker does so once, for all pieces of a record set.

    A question that means nothing by itself is protected together with its options: one under 8 characters, or a stem,
    which more than 3 items ask with different options (下列说法正确的是). A stem alone is protected as well. So is a
    question under 20 with its options beside itself alone: an option glued to its end hides where it ends.
    """
    items = [_item(name, prompt) for name, folder in folders for prompt in PromptSet(folder)]
    keys = squeeze([item.question for item in items]).texts()
    offered: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for item, key in zip(items, keys, strict=True):
        offered[key].add(tuple(sorted(item.options)))
    common = {key for key, options in offered.items() if len(key) >= SHORT and len(options) > COMMON}
    said: list[tuple[Item, str, bool]] = []
    for item, key in zip(items, keys, strict=True):
        if len(key) >= SHORT:
            said.append((item, item.question, key in common))
        if len(key) < FULL or key in common:
            said.append((item, item.full, False))
    found: dict[str, tuple[str, bool, list[tuple[str, str]]]] = {}
    for (item, text, stem), key in zip(said, squeeze([text for _, text, _ in said]).texts(), strict=True):
        found.setdefault(key, (text, stem, []))[2].append((item.prompts, item.prompt_id))
    return Protected(
        index([text for text, _, _ in found.values()]),
        tuple(text for text, _, _ in found.values()),
        tuple(tuple(prompts) for _, _, prompts in found.values()),
        frozenset(number for number, (_, stem, _) in enumerate(found.values()) if stem),
    )


def uncovered(found: Protected) -> dict[str, int]:
    """Return how many prompts of each set no rule can find: they are too short, even with their options."""
    counts = {name: 0 for prompts in found.prompts for name, _ in prompts}
    for question in np.flatnonzero(~found.index.covered).tolist():
        for name, _ in found.prompts[question]:
            counts[name] += 1
    return counts


def hits(found: Protected, records: Sequence[Record], name: str = "") -> Iterator[tuple[int, tuple[Hit, ...]]]:
    """Yield the place of each record that has hits, in order, and these; `name` is that of the set."""
    whole = ["\n".join(texts(record)) for record in records]
    own: dict[int, dict[tuple[str, str], Hit]] = defaultdict(dict)
    for match in matches(found.index, squeeze(whole)):
        text, said = whole[match.text], found.texts[match.question]
        shared = _spelt(text, match, stem=match.question in found.stems)
        for prompts, prompt_id in found.prompts[match.question] if shared else ():
            hit = Hit(records[match.text].id, prompts, prompt_id, match.rule, shared, text, said, name)
            before = own[match.text].setdefault((prompts, prompt_id), hit)
            if len(before.shared) < len(shared):  # of a stem, and of the same with its options
                own[match.text][prompts, prompt_id] = hit
    for place in sorted(own):
        yield place, tuple(hit for _, hit in sorted(own[place].items()))


def _spelt(text: str, match: Match, *, stem: bool) -> str:
    """Return what a text shares with a question, in its own spelling; empty when it is no quotation after all.

    A whole question, so short, may be a word inside a sentence: it has to be followed by something that is no letter or
    digit, or by nothing. And behind a stem there may stand the options of another item.
    """
    starts = squeeze(list(text)).starts
    for start, stop in match.runs:
        first, last = np.searchsorted(starts, [start, stop - 1], side="right").tolist()
        ended = last == len(text) or starts[last] == starts[last + 1]
        if match.rule != "whole question" or (ended and not (stem and _OPTIONS.match(text, last))):
            return text[first - 1 : last]
    return ""


def _item(name: str, prompt: Prompt) -> Item:
    """Return what a prompt asks: as it says itself, or its last user turn, or its raw text, or its only choice."""
    question, options = prompt.meta.get("question"), prompt.meta.get("options")
    if isinstance(question, str):
        return Item(name, prompt.id, question, tuple(map(str, options)) if isinstance(options, list) else ())
    turns: Sequence[str] = [turn.content for turn in prompt.messages if turn.role == "user"]
    return Item(name, prompt.id, turns[-1] if turns else prompt.text or "".join(prompt.choices[:1]))
