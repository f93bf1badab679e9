"""Seeded choices that depend on ids alone: not on positions, not on the order of files or mappings."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rank(seed: int, purpose: str, key: str) -> int:
    """Return a 64-bit number (XXH3) that orders keys at random, but the same way everywhere and always.

    `purpose` keeps two choices with one seed apart: a split must not follow the ranks of a mix.
    """
    return xxhash.xxh3_64_intdigest(f"{seed}:{purpose}:{key}".encode())


def ranks(seed: int, purpose: str, keys: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """Return a rank for each key that is a 64-bit hash itself, whole arrays at once; other numbers than `rank` gives.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014): different keys never share a rank.
    """
    import numpy as np

    mixed = keys + np.uint64(xxhash.xxh3_64_intdigest(f"{seed}:{purpose}".encode()))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def apportion(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Return whole counts that add to `total` exactly, by largest remainder; ties go by name.

    Raises `ValueError` unless the shares are none below zero and add to 1 (within 1e-6).
    """
    # The decimal that was written, not its binary neighbour: 0.29 of 100 is 29.
    exact = {name: Fraction(repr(share)) for name, share in shares.items()}
    whole = sum(exact.values(), Fraction(0))
    if any(share < 0 for share in exact.values()) or abs(whole - 1) > Fraction(1, 10**6):
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items()) or "none"
        raise ValueError(f"shares must be none below 0 and add to 1; {given} add to {float(whole):g}")
    quotas = {name: share / whole * total for name, share in exact.items()}
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: (counts[name] - quotas[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
