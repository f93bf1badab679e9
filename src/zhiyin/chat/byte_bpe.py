"""Byte-level BPE read by tiktoken, in a third of the time, where it is proven to give the ids that `tokenizers` gives.

Both join neighbouring tokens until none can be joined: `tokenizers` the pair that stands first in a list of merges,
tiktoken the pair that makes the word with the lowest id, whichever pair it is. They read every text alike when the
merges stand in the order of the ids they make, and no word, read by the merges alone, ends as two tokens.

Why: what lies between two places that no token reaches across is joined step by step as it would be by itself. So
whenever two neighbours make a word, they are the last two that the word by itself becomes, always the same two; and
these are a merge, or the word would end as two tokens. Both then choose among the same pairs, in the same order.
"""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain
from typing import Any

from msgspec import Struct
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

LONGEST = 100_000
"""Characters of a text; tiktoken's regular expressions overflow their stack at a run of a million spaces."""
AT_ONCE = 128
"""Texts from which on a further thread is worth its start."""
THREADS = 8

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_GPT2_DIGITS = r"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
_LLAMA3, _QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + number + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
    for number in (r"\p{N}{1,3}", r"\p{N}")
)
"""How GPT-2, Llama 3 and Qwen 2 cut a text into words; GPT-2's, where digits are cut off first, looks at none."""
_WORDS: tuple[tuple[list[dict[str, Any]], bool, str], ...] = (
    ([], True, _GPT2),
    ([{"type": "Digits", "individual_digits": True}], True, _GPT2_DIGITS),
    *(
        ([{"type": "Split", "pattern": {"Regex": words}, "behavior": "Isolated", "invert": False}], False, words)
        for words in (_GPT2, _LLAMA3, _QWEN2)
    ),
)
"""What stands in front of the step to bytes, whether that cuts too, and the same as one regular expression."""

_PRINTED = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_BYTES = {
    **{byte: byte for byte in _PRINTED},
    **{0x100 + at: byte for at, byte in enumerate(sorted({*range(0x100)} - {*_PRINTED}))},
}
"""Code point that stands for a byte in a vocabulary, and the byte; GPT-2's."""


class Form(Struct, frozen=True):
    """What a `tokenizer.json` says, where it may be proven."""

    pattern: str
    """Cuts a text into words."""
    added: tuple[str, ...]
    """Added tokens that are looked for in a text."""
    made: int
    """Number of words that the merges make."""


class ByteBpe:
    """A vocabulary of byte strings."""

    def __init__(self, form: Form, words: dict[bytes, int]) -> None:
        from tiktoken import Encoding

        self._encoding = Encoding("", pat_str=form.pattern, mergeable_ranks=words, special_tokens={})
        self._lengths = {id: len(word) for word, id in words.items()}
        self._foreign = re.compile("|".join(["[\ud800-\udfff]", *map(re.escape, (*form.added, *_disputed()))]))

    def reads(self, text: str) -> bool:
        """Return whether the proof holds for a text: it is not too long, and holds no added token and nothing odd."""
        return len(text) <= LONGEST and not self._foreign.search(text)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text; several threads read where `tokenizers` would use several."""
        threads = min(_threads(), len(texts) // AT_ONCE)
        if threads < 2:
            return self._read(texts)
        with ThreadPoolExecutor(threads) as pool:
            size = -(-len(texts) // threads)
            parts = pool.map(self._read, [texts[start : start + size] for start in range(0, len(texts), size)])
            return list(chain.from_iterable(parts))

    def mask(self, text: str, ids: Sequence[int], ranges: Sequence[tuple[int, int]]) -> list[bool]:
        """Return, for each token, whether it holds a character of any range; the ranges are in order, none empty."""
        mask: list[bool] = []
        at = end = 0
        for low, high in ranges:
            first = len(text[:low].encode())
            while end <= first:
                end += self._lengths[ids[at]]
                at += 1
            mask += [False] * (at - 1 - len(mask))
            if high == len(text):
                return mask + [True] * (len(ids) - len(mask))
            last = first + len(text[low:high].encode())
            while end < last:
                end += self._lengths[ids[at]]
                at += 1
            mask += [True] * (at - len(mask))
        return mask + [False] * (len(ids) - len(mask))

    def _read(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._encoding.encode_ordinary(text) for text in texts]


def form(settings: dict[str, Any]) -> Form | None:
    """Return what a `tokenizer.json` has to say for `proven`; None where it is of another kind."""
    pattern, model = _pattern(settings["pre_tokenizer"]), settings["model"]
    foreign = any(model.get(field) for field in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"))
    if pattern is None or settings["normalizer"] is not None or model["type"] != "BPE" or foreign:
        return None
    vocabulary: dict[str, int] = model["vocab"]
    made = [vocabulary["".join(pair)] for pair in model["merges"]]
    added = tuple(token["content"] for token in settings["added_tokens"] if not token["special"])
    return Form(pattern, added, len(set(made))) if made == sorted(made) else None


def proven(form: Form, tokenizer: Tokenizer, forbidden: set[int]) -> ByteBpe | None:
    """Return the tokenizer for tiktoken; None unless it reads every text alike, and never as a forbidden token.

    This takes a second for a vocabulary of 128,000.
    """
    model, words = tokenizer.model, tokenizer.get_vocab(with_added_tokens=False)
    whole = model.ignore_merges
    model.ignore_merges = False
    alone = {word: [token.id for token in model.tokenize(word)] for word in words}
    model.ignore_merges = whole
    if not whole:
        words = {word: id for word, id in words.items() if alone[word] == [id]}
    found = not any(len(ids) == 2 for ids in alone.values()) if whole else len(words) == len(_BYTES) + form.made
    letters = set(map(chr, _BYTES))
    known = letters <= words.keys() and set().union(*words) <= letters
    if not (found and known and forbidden.isdisjoint(words.values())):
        return None
    return ByteBpe(form, {word.translate(_BYTES).encode("latin-1"): id for word, id in words.items()})


def _pattern(settings: dict[str, Any] | None) -> str | None:
    steps = (settings or {}).get("pretokenizers", [settings])
    *before, last = steps
    if not last or last["type"] != "ByteLevel" or last["add_prefix_space"]:
        return None
    found = (words for steps, cuts, words in _WORDS if steps == before and cuts == last.get("use_regex", True))
    return next(found, None)


@cache
def _disputed() -> str:
    """Return the characters that not all parts of both libraries take alike for letters, numbers or white space.

    Each has the tables of some version of Unicode. Letters and digits are assigned below U+40000 only.
    """
    from tiktoken import Encoding

    every = "".join(chr(point) for point in range(0x40000) if not 0xD800 <= point < 0xE000)
    single = {bytes([byte]): byte for byte in range(0x100)}
    found: set[str] = set()
    for kind, others in ((r"\p{L}", r"\P{L}"), (r"\s", r"\S"), (r"\p{N}", r"\P{N}")):
        chosen = Encoding("", pat_str=kind, mergeable_ranks=single, special_tokens={}).encode_ordinary(every)
        ours, theirs = bytes(chosen).decode(), normalizers.Replace(Regex(others), "").normalize_str(every)
        found.update(set(ours).symmetric_difference(theirs))
    return "".join(sorted(found.union(_cut_off("aa".join(_cut_off(every))).symmetric_difference(theirs))))


def _cut_off(text: str) -> set[str]:
    """Return the characters that `Digits` cuts off, those among them that stand between two of these by chance."""
    pieces = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str(text)
    return {piece for piece, _ in pieces if len(piece) == 1}


def _threads() -> int:
    """Return how many threads may read; `tokenizers` looks at the same variable."""
    wanted = os.environ.get("TOKENIZERS_PARALLELISM", "true").lower() not in ("", "0", "f", "false", "n", "no", "off")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(THREADS, usable) if wanted else 1
