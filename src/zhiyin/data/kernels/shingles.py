"""Shingles: the sets of character 5-grams by which texts are compared, as 32-bit hashes."""

import itertools
from typing import NamedTuple

import numpy as np

from zhiyin.data.kernels.squeeze import Codes, Offsets, Squeezed

WIDTH = 5
"""Characters of a shingle; a shorter text is one shingle, and an empty one none."""
FACTOR = 0x9E3779B1
"""Base of the polynomial, modulo 2^32."""


class Shingles(NamedTuple):
    """Hashes of the shingles of a batch of texts, one text after the other."""

    hashes: Codes
    starts: Offsets
    """Where each text begins, and at the end the number of all."""

    @property
    def counts(self) -> Offsets:
        """Return the number of each text."""
        return np.diff(self.starts)


def shingles(keys: Squeezed) -> Shingles:
    """Return the shingles of every key, in order and with repetitions."""
    ends, lengths = keys.starts[1:], keys.lengths
    ones = np.concatenate([keys.codes, np.zeros(WIDTH - 1, np.uint32)])
    twos = ones[:-1] * np.uint32(FACTOR) + ones[1:]
    fours = twos[:-2] * np.uint32(FACTOR**2 % 2**32) + twos[2:]
    fives = fours[:-1] * np.uint32(FACTOR) + ones[4:]
    for row in np.flatnonzero((lengths > 0) & (lengths < WIDTH)).tolist():
        fives[keys.starts[row]] = _short(keys.codes[keys.starts[row] : ends[row]])
    whole = np.ones(keys.codes.size, bool)
    for back in range(1, WIDTH):
        places = ends - back
        whole[places[places > keys.starts[:-1]]] = False
    starts = np.zeros(ends.size + 1, np.int64)
    np.cumsum(np.where(lengths < WIDTH, np.minimum(lengths, 1), lengths - (WIDTH - 1)), out=starts[1:])
    return Shingles(mixed(np.compress(whole, fives)), starts)


def mixed(hashes: Codes) -> Codes:
    """Return 32-bit values spread over their whole range, one to one (the last steps of MurmurHash3)."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    hashes ^= hashes >> np.uint32(16)
    return hashes


def distinct(found: Shingles) -> Shingles:
    """Return the same as sets: each text's hashes in rising order, none twice."""
    hashes = found.hashes.copy()
    for start, stop in itertools.pairwise(found.starts.tolist()):
        hashes[start:stop].sort()
    new = np.append(True, hashes[1:] != hashes[:-1])[: hashes.size]
    new[found.starts[:-1][found.counts > 0]] = True
    places = np.flatnonzero(new)
    return Shingles(hashes.take(places), np.searchsorted(places, found.starts))


def jaccard(sets: Shingles, left: int, right: int) -> float:
    """Return the share of common shingles among those that either text has; `sets` are `distinct`.

    One pair at a time: so few values are sorted within the cache, six times faster than all pairs in one array.
    """
    first = sets.hashes[sets.starts[left] : sets.starts[left + 1]]
    second = sets.hashes[sets.starts[right] : sets.starts[right + 1]]
    both = np.concatenate((first, second))
    both.sort()
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / max(both.size - common, 1)


def _short(codes: Codes) -> int:
    """Return the hash of a text shorter than a shingle; its length counts, so that no shingle is like it by rule."""
    value = codes.size
    for code in codes.tolist():
        value = (value * FACTOR + code) % 2**32
    return value
