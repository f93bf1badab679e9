"""The keys texts are compared by: NFKC, case folded, without white space and punctuation. Texts themselves stay.

Nearly every character becomes one character or none by itself, and a table says which. A text that holds another one
(a ligature, a combining mark, anything beyond the basic plane) is normalised by `unicodedata`, with the same result.
"""

import itertools
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zhiyin.text.script import table

Codes = NDArray[np.uint32]
Offsets = NDArray[np.int64]
Keep = Literal["words", "signs"]
"""`words`: letters and digits alone, traditional characters as simplified ones. `signs`: symbols as well, with what
arithmetic and code are written with, and every character by itself."""

_PLANE = 0x10000
_HARD = 0xFFFFFFFF
"""In a table: what becomes of the character depends on its neighbours, or is several characters."""
_POINT = 0xFFFFFFFE
"""In a table: a full stop or comma of ASCII, kept between two digits."""
_COMMAS = (0x2C, 0xFF0C, 0xFE10, 0xFE50)
"""Code points of the characters that are a comma to NFKC; others of that sort are full stops."""
_OPERATORS = frozenset("-*/%&@\\#")
"""Punctuation to Unicode, but not to arithmetic and code."""


class Squeezed(NamedTuple):
    """The keys of a batch, one after the other."""

    codes: Codes
    """Code points."""
    starts: Offsets
    """Where each key begins, and at the end the length of all: key `k` is `codes[starts[k]:starts[k + 1]]`."""

    @property
    def lengths(self) -> Offsets:
        """Return the length of each key."""
        return np.diff(self.starts)

    def texts(self) -> list[str]:
        """Return the keys as texts."""
        whole = self.codes.tobytes().decode("utf-32-le", "surrogatepass")
        bounds = self.starts.tolist()
        return [whole[start:stop] for start, stop in itertools.pairwise(bounds)]


def squeeze(texts: Sequence[str], keep: Keep = "words") -> Squeezed:
    """Return the keys of a batch of texts."""
    points, starts = _flat(texts)
    becomes = _table(keep)
    codes = becomes.take(points, mode="clip")  # beyond the basic plane: the last place
    highest = codes.max(initial=0)
    if highest == _HARD:
        rows = np.unique(np.searchsorted(starts, np.flatnonzero(codes == _HARD), side="right") - 1).tolist()
        normal = [_flat([unicodedata.normalize("NFKC", texts[row]).casefold()])[0] for row in rows]
        codes = _replaced(codes, starts, rows, [_sifted(each, keep) for each in normal])
        points = _replaced(points, starts, rows, normal)
        lengths = np.diff(starts)
        lengths[rows] = [each.size for each in normal]
        np.cumsum(lengths, out=starts[1:])
    if highest >= _POINT:
        _settle_points(codes, points, starts)
    kept = np.flatnonzero(codes != 0)  # twice as fast as of the codes themselves
    return Squeezed(codes.take(kept), np.searchsorted(kept, starts))


def _flat(texts: Sequence[str]) -> tuple[Codes, Offsets]:
    """Return the code points of all texts one after the other, and where each begins."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=starts[1:])
    return points, starts


def _replaced(codes: Codes, starts: Offsets, rows: Sequence[int], new: Sequence[Codes]) -> Codes:
    """Return the codes with those of some rows, in rising order, replaced by others."""
    parts, place = list[Codes](), 0
    for row, other in zip(rows, new, strict=True):
        parts += [codes[place : starts[row]], other]
        place = starts[row + 1]
    return np.concatenate([*parts, codes[place:]])


@cache
def _table(keep: Keep) -> Codes:
    """Return for each character of the basic plane what it becomes: itself or another, 0 for nothing, or a sign above.

    One place more, at the end, stands for all beyond the plane.
    """
    every = [chr(point) for point in range(1, _PLANE)]
    # One call for all of them: nothing composes across NUL, and only NUL becomes NUL.
    apart, together = (unicodedata.normalize(form, "\0".join(every)).split("\0") for form in ("NFD", "NFKC"))
    # A character that joins the one before it is hard: NFKC composes the two.
    joining = {each[-1] for each in apart if len(each) > 1} | {one for one in every if unicodedata.combining(one)}
    becomes = [0]
    for normal in together:
        folded = normal.casefold()
        if not joining.isdisjoint(normal):
            becomes.append(_HARD)
        elif len(folded) == 1:
            becomes.append(_sift(folded, keep))
        else:  # the points of an ellipsis never stand between two digits
            nothing = folded in ("..", "...") or not any(_sift(one, keep) for one in folded)
            becomes.append(0 if nothing else _HARD)
    return np.array([*becomes, _HARD], np.uint32)


def _sift(character: str, keep: Keep) -> int:
    """Return the code of a normalised character that is kept, 0 for one that is not."""
    if keep == "words":
        return ord(table("simplified").get(character, character)) if character.isalnum() else 0
    if character.isalnum():
        return ord(character)
    if character.isspace():
        return 0
    if character in ".,":
        return _POINT
    group = unicodedata.category(character)[0]
    return 0 if group in "CZ" or (group == "P" and character not in _OPERATORS) else ord(character)


def _sifted(points: Codes, keep: Keep) -> Codes:
    """Return what is kept of a text that is normalised already."""
    different, where = np.unique(points, return_inverse=True)
    return np.array([_sift(chr(point), keep) for point in different.tolist()], np.uint32)[where]


def _settle_points(codes: Codes, points: Codes, starts: Offsets) -> None:
    """Settle, in place, the full stops and commas: those between two digits of one text stay, as in 3.5 and 1,000."""
    places = np.flatnonzero(codes == _POINT)
    inside = places[(places > 0) & (places < codes.size - 1)]
    inside = inside[(codes[inside - 1] - ord("0") < 10) & (codes[inside + 1] - ord("0") < 10)]
    row = np.searchsorted(starts, inside, side="right") - 1
    stays = inside[(inside > starts[row]) & (inside + 1 < starts[row + 1])]
    codes[places] = 0
    codes[stays] = np.where(np.isin(points[stays], _COMMAS), ord(","), ord("."))
