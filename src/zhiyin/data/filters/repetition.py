"""Reject texts that say the same thing again and again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FACTOR = 0x9E3779B1
_WORD = 2**32
_LARGEST = 24  # bits: a table of 64 MB; more n-grams than that at once only collide more often


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

    def reasons(self, records: Sequence[Record]) -> list[str | None]:
        """Return `reject` of each; only records that hashes of their n-grams speak against are looked at closely."""
        own = [(place, text) for place, record in enumerate(records) for text in texts(record)]
        own = [(place, text) for place, text in own if len(text) >= max(self.min_characters, self.length)]
        if not own:
            return [None] * len(records)
        shares = _shares_at_least([text for _, text in own], self.length)
        suspects = {place for (place, _), share in zip(own, shares, strict=True) if share > self.max_share}
        return [self.reject(record) if place in suspects else None for place, record in enumerate(records)]

    def _share(self, text: str) -> float:
        count = len(text) - self.length + 1
        if len(text) < self.min_characters or count < 1:
            return 0.0
        return 1 - len({text[start : start + self.length] for start in range(count)}) / count


def _shares_at_least(texts: Sequence[str], length: int) -> list[float]:
    """Return for each text a share of repeated n-grams that is the true one or above: unlike n-grams may collide."""
    import numpy as np

    hashes = _hashes(texts, length)
    # In the table of each n-gram's place the last one of like n-grams stays: one for each that is distinct.
    bits = min(max(10, (4 * len(hashes)).bit_length()), _LARGEST)
    slots = (hashes * np.uint32(0x85EBCA6B)) >> np.uint32(32 - bits)
    table = np.empty(2**bits, dtype=np.int32)
    places = np.arange(len(hashes), dtype=np.int32)
    table[slots] = places
    counts = [len(text) - length + 1 for text in texts]
    distinct = np.add.reduceat((table[slots] == places).astype(np.int32), [0, *accumulate(counts[:-1])])
    return [1 - found / count for found, count in zip(distinct.tolist(), counts, strict=True)]


def _hashes(texts: Sequence[str], length: int) -> NDArray[np.uint32]:
    """Return a hash of every n-gram of every text, in order; the text is part of it, so that texts stay apart."""
    import numpy as np

    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    lengths = [len(text) for text in texts]
    # Polynomials of 1, 2, 4, ... characters; those that make up `length` are put one behind the other.
    power, reach, found, done = codes * np.uint32(_FACTOR), 1, None, 0
    while True:
        if length & reach:
            part = power[done:]
            found = part if found is None else found[: len(part)] * np.uint32(pow(_FACTOR, reach, _WORD)) + part
            done += reach
        if done == length:
            break
        power = power[:-reach] * np.uint32(pow(_FACTOR, reach, _WORD)) + power[reach:]
        reach *= 2
    assert found is not None
    ends = np.cumsum(lengths)
    inside = np.ones(len(codes), dtype=bool)
    for back in range(1, length):
        inside[ends - back] = False
    owners = np.repeat(np.arange(len(texts), dtype=np.uint32), np.array(lengths) - length + 1)
    return found[inside[: len(found)]] + owners * np.uint32(0xC2B2AE35)
