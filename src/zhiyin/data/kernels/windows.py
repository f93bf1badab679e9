"""Which texts quote a question: windows of characters that both have, found by hashes and settled by the characters.

The rule is mixed, for a window that is telling in Chinese is nothing in English: 13 characters in a row with at least 5
of them Chinese, or 50 of any kind. A window that more than 3 questions have is wording (以下是…的一项是) and tells
nothing. Around a telling window, 20 characters (or 100) have to be the same, or three quarters of the question: less is
a phrase. A question of 8 or more characters without a telling window counts when the whole of it is there. Characters
are those of `squeeze`. Source: measured for this project; windows of 13 alone flag two of five English rows as GSM8K.

Not every window is looked up. One of 13 holds, wherever it lies, a piece of 10 that begins at a multiple of 4; one of
50 a piece of 32 that begins at a multiple of 16. Texts are asked for those pieces, and the question has all of its own.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zhiyin.data.kernels.shingles import FACTOR
from zhiyin.data.kernels.squeeze import Codes, Squeezed, squeeze
from zhiyin.records.contamination import Rule

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

SHORT, CHINESE, LONG = 8, 13, 50
"""Characters of the shortest question that is protected, and of the two windows."""
HAN = 5
"""Chinese characters in a window of 13."""
COMMON = 3
"""Questions that may have a window in common."""
ENOUGH = {"13 characters": 20, "50 characters": 100}
"""Characters of a common run that is a quotation, however long the question is."""
SHARE = 0.75
"""Share of a question that is a quotation, however short it is."""
_CRUMB = 4
"""Characters of a run that adds to that share, beside the one with a telling window."""
_PIECES = ((8, 1), (10, 4), (32, 16))
"""Length of the pieces of whole questions and of the two windows, and the distance at which texts are asked."""
_BITS = (18, 23, 23)
"""Size of each table, as a power of two: the first is asked everywhere and has to lie in a near cache."""


class Match(NamedTuple):
    """A text that quotes a question."""

    text: int
    """Its place in the batch."""
    question: int
    """Its place in the index."""
    rule: Rule
    runs: tuple[tuple[int, int], ...]
    """Begin and end in the text's key: of the longest common run, or of each place at which a whole question stands."""


class _Table(NamedTuple):
    """Pieces of one length."""

    hashes: Codes
    """In rising order."""
    places: Places
    """Where each of them begins in the questions' keys."""
    cells: Flags
    """True at the upper bits of each hash that is there: most pieces of most texts are settled by it."""
    shift: int


class Index(NamedTuple):
    """Questions, ready to be looked for."""

    keys: Squeezed
    telling: tuple[Flags, Flags]
    """Of each place in the keys: a telling window of 13, and one of 50, begins there."""
    whole: Flags
    """Of each question: it counts when the whole of it is there."""
    covered: Flags
    """Of each question: some rule can find it."""
    tables: tuple[_Table, ...]
    ends: Codes
    """Of each place in the keys: the hash of the 8 characters that begin there."""


def index(questions: Sequence[str]) -> Index:
    """Return the index of different questions; one that no rule covers is in it, and is never found."""
    keys = squeeze(questions)
    size, lengths = keys.codes.size, keys.lengths
    owners = np.repeat(np.arange(lengths.size), lengths)
    left = np.repeat(keys.starts[1:], lengths) - np.arange(size)
    """Characters from each place to the end of its question."""
    han = np.concatenate([np.zeros(1, np.int64), np.cumsum(_han(keys.codes))])
    chinese = (left >= CHINESE) & (han[np.minimum(np.arange(size) + CHINESE, size)] - han[:-1] >= HAN)
    pieces = _hashes(keys.codes)
    windows = (_longer(pieces[1], pieces[1], CHINESE - 10), _longer(pieces[2], pieces[2], LONG - 32))
    telling = (_telling(windows[0], chinese, owners), _telling(windows[1], left >= LONG, owners))
    told = np.zeros(lengths.size, bool)
    told[owners[telling[0] | telling[1]]] = True
    whole = ~told & (lengths >= SHORT)
    begins = np.zeros(size, bool)
    begins[keys.starts[:-1][whole]] = True
    wanted = (begins, _spread(telling[0], CHINESE - 10), _spread(telling[1], LONG - 32))
    tables = tuple(
        _table(hashes, np.flatnonzero(flags[: hashes.size]), bits)
        for hashes, flags, bits in zip(pieces, wanted, _BITS, strict=True)
    )
    return Index(keys, telling, whole, told | whole, tables, pieces[0])


def _telling(hashes: Codes, windows: Flags, owners: Places) -> Flags:
    """Tell which of these windows no more than `COMMON` questions have."""
    places = np.flatnonzero(windows[: hashes.size])
    pairs = hashes[places].astype(np.uint64) << np.uint64(32) | owners[places].astype(np.uint64)
    order = np.argsort(pairs)
    pairs = pairs[order]
    another = np.append(True, pairs[1:] != pairs[:-1])[: pairs.size]
    begins = np.flatnonzero(np.append(True, np.diff(pairs >> np.uint64(32)))[: pairs.size])
    """Where the next hash begins; up to there, each other owner is one more question that has it."""
    counts = np.repeat(np.add.reduceat(another, begins, dtype=np.int64), np.diff(begins, append=pairs.size))
    telling = np.zeros(windows.size, bool)
    telling[places[order]] = counts <= COMMON
    return telling


def _spread(windows: Flags, further: int) -> Flags:
    """Tell where the pieces of these windows begin, each up to so much further on."""
    spread = windows.copy()
    for step in range(1, further + 1):
        spread[step:] |= windows[: max(windows.size - step, 0)]
    return spread


def matches(questions: Index, keys: Squeezed) -> Iterator[Match]:
    """Yield every question that a text of the batch quotes, once for each text."""
    pieces = _hashes(keys.codes)
    looked = zip(questions.tables, pieces, _PIECES, strict=True)
    whole, *windows = [_lookup(table, hashes[::step], step) for table, hashes, (_, step) in looked]
    found = np.concatenate([_ending(questions, whole, pieces[0]), *windows])
    if not found.size:
        return
    texts = np.searchsorted(keys.starts, found[:, 0], side="right") - 1
    those = np.searchsorted(questions.keys.starts, found[:, 1], side="right") - 1
    shifts = (found[:, 0] - keys.starts[texts]) - (found[:, 1] - questions.keys.starts[those])
    laid = set(zip(texts.tolist(), those.tolist(), shifts.tolist(), strict=True))
    for (text, question), some in groupby(sorted(laid), key=itemgetter(0, 1)):
        there = keys.codes[keys.starts[text] : keys.starts[text + 1]]
        judged = _judged(questions, question, there, [shift for _, _, shift in some])
        if judged is not None:
            yield Match(text, question, *judged)


def _hashes(codes: Codes) -> tuple[Codes, Codes, Codes]:
    """Return the hashes of the pieces of 8, 10 and 32 characters that begin at each place, by doubling."""
    two = _longer(codes, codes, 1)
    eight = _longer(four := _longer(two, two, 2), four, 4)
    ten = _longer(eight, two, 8)
    sixteen = _longer(eight, eight, 8)
    return eight, ten, _longer(sixteen, sixteen, 16)


def _longer(front: Codes, back: Codes, width: int) -> Codes:
    """Return the hashes of pieces of which `front` hashes the beginning, and `back` what begins `width` characters on.

    The two may overlap.
    """
    size = max(back.size - width, 0)
    return front[:size] * np.uint32(pow(FACTOR, width, 2**32)) + back[width:]


def _table(hashes: Codes, places: Places, size: int) -> _Table:
    order = np.argsort(hashes[places])
    ordered = hashes[places][order]
    cells = np.zeros(2**size, bool)
    cells[ordered >> np.uint32(32 - size)] = True
    return _Table(ordered, places[order], cells, 32 - size)


def _lookup(table: _Table, hashes: Codes, step: int) -> Places:
    """Return pairs of places, in the texts and in the questions, whose pieces have the same hash."""
    likely = np.flatnonzero(table.cells.take(hashes >> np.uint32(table.shift)))
    if not likely.size:
        return np.zeros((0, 2), np.int64)
    wanted = hashes[likely]
    first = np.searchsorted(table.hashes, wanted)
    there = table.hashes.take(first, mode="clip") == wanted
    likely, first = likely[there], first[there]
    counts = np.searchsorted(table.hashes, wanted[there], side="right") - first
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.column_stack([np.repeat(likely * step, counts), table.places[np.repeat(first, counts) + inside]])


def _ending(questions: Index, found: Places, hashes: Codes) -> Places:
    """Return those pairs of places, at which a whole question may begin, where it may end too: many begin alike."""
    lengths = questions.keys.lengths[np.searchsorted(questions.keys.starts, found[:, 1], side="right") - 1]
    ends = found + (lengths - SHORT)[:, None]
    inside = ends[:, 0] < hashes.size
    found, ends = found[inside], ends[inside]
    same: Flags = hashes[ends[:, 0]] == questions.ends[ends[:, 1]]
    return found[same]


def _judged(
    questions: Index, question: int, there: Codes, shifts: Sequence[int]
) -> tuple[Rule, tuple[tuple[int, int], ...]] | None:
    """Return rule and runs by which a text quotes a question, which is laid over it so many characters further on."""
    begin, end = questions.keys.starts[question : question + 2].tolist()
    asked = questions.keys.codes[begin:end]
    laid = [(shift, list(_common(asked, there, shift))) for shift in shifts]
    if questions.whole[question]:
        places = tuple((shift, shift + asked.size) for shift, runs in laid if (0, asked.size) in runs)
        return ("whole question", places) if places else None
    covered, best, by = np.zeros(asked.size, bool), (0, 0), None
    for shift, runs in laid:
        rules = [(start, stop, _rule(questions, begin + start, begin + stop)) for start, stop in runs]
        telling = [(start, stop, rule) for start, stop, rule in rules if rule is not None]
        # A place found by chance, without a telling window, must not count: another batch would not find it.
        for start, stop in runs if telling else ():
            covered[start:stop] |= stop - start >= _CRUMB
        for start, stop, rule in telling:
            if stop - start > best[1] - best[0]:
                best, by = (start + shift, stop + shift), rule
    if by is None or (best[1] - best[0] < ENOUGH[by] and covered.mean() < SHARE):
        return None
    return by, (best,)


def _common(asked: Codes, there: Codes, shift: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end, in the question, of the runs that are the same in a text, `shift` characters further on."""
    first, last = max(0, -shift), min(asked.size, there.size - shift)
    same = np.zeros(max(last - first, 0) + 2, np.int8)
    same[1:-1] = asked[first:last] == there[first + shift : last + shift]
    edges = (np.flatnonzero(np.diff(same)) + first).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _rule(questions: Index, start: int, stop: int) -> Rule | None:
    """Return the rule by which a common run is telling; the places are those in the keys of all questions."""
    if questions.telling[0][start : max(start, stop - CHINESE + 1)].any():
        return "13 characters"
    return "50 characters" if questions.telling[1][start : max(start, stop - LONG + 1)].any() else None


def _han(codes: Codes) -> Flags:
    """Tell which characters are Chinese: the unified ideographs with extension A, and the planes beyond."""
    return ((codes >= 0x3400) & (codes < 0xA000)) | ((codes >= 0x20000) & (codes < 0x40000))
