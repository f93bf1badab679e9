"""From band keys to groups of like texts: who shares a bucket, and what is joined."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

NEIGHBOURS = 32
"""In a bucket each text is compared with this many that follow it, so a bucket of thousands costs no millions."""


def pairs(keys: NDArray[Any]) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield pairs of places with the same key, the lower place first; every such pair of a key that has up to 33."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    for distance in range(1, NEIGHBOURS + 1):
        same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
        if not same.size:
            return
        yield order[same], order[same + distance]


def shared(keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell for each place whether another one has its key."""
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    found = np.zeros(keys.size, bool)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def joined(labels: Numbers, left: Numbers, right: Numbers) -> Numbers:
    """Return the labels after each pair was joined: of each place the lowest place of its group.

    `labels` are those of earlier pairs; without any, each place is its own.
    """
    labels = labels.copy()
    while (apart := labels[left] != labels[right]).any():
        left, right = left[apart], right[apart]
        first, second = labels[left], labels[right]
        # The higher label is hung below the lower one. A label may be hung twice: the next round sees to the other.
        np.minimum.at(labels, np.maximum(first, second), np.minimum(first, second))
        while ((above := labels[labels]) != labels).any():
            labels = above
    return labels
