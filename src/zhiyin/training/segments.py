"""Sequences laid end to end in one row without padding, a beginning that several share laid only once.

A pair of answers to one prompt becomes prompt, chosen, rejected; conversations under one system prompt become that
prompt and their rests; several answers to one question become a tree. Every token sees the tokens of its own
sequence alone, and stands at the position it has there, so the model computes what it would of each by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress, pairwise, starmap

from zhiyin.chat.encode import Encoded

LEAST_SAVED = 16
"""Tokens in common below which a beginning is repeated: attention over many short pieces costs more than it saves."""

Span = tuple[int, int]
"""Places of a row, from the first to before the last."""


@dataclass(frozen=True)
class Segment:
    """Consecutive places of a row, each of which sees those before it here, and all of the spans named."""

    start: int
    end: int
    sees: tuple[Span, ...] = ()

    @property
    def offset(self) -> int:
        """Position of the first place in its sequence."""
        return sum(end - start for start, end in self.sees)


@dataclass(frozen=True)
class Row:
    """A laid row of T tokens."""

    ids: list[int]
    positions: list[int]
    segments: list[Segment]
    places: list[int]
    """The place that predicts it, of every supervised token, sequence by sequence."""
    targets: list[int]
    """The supervised tokens themselves."""
    sequences: list[int]
    """The number of the sequence that each is of."""


def lay(sequences: Sequence[Encoded], *, share: bool = True) -> Row:
    """Lay the sequences in one row; `share` lays a common beginning of at least `LEAST_SAVED` tokens once.

    Tokens behind the last one that predicts anything are left out: nothing reads them.
    """
    laying = _Laying(sequences, share=share)
    row = laying.row
    for number, (sequence, path) in enumerate(zip(sequences, laying.paths, strict=True)):
        predicted = sequence.mask[1:]
        row.places.extend(compress(chain.from_iterable(starmap(range, path)), predicted))
        row.targets.extend(compress(sequence.ids[1:], predicted))
        row.sequences.extend([number] * (len(row.places) - len(row.sequences)))
    return row


def laid_tokens(sequences: Sequence[Encoded], *, share: bool = True) -> int:
    """Return how many tokens `lay` would lay."""
    return len(_Laying(sequences, share=share).row.ids)


def _read(sequence: Encoded) -> int:
    """Return the number of tokens up to the last that predicts a supervised one."""
    return len(sequence.ids) - 1 - sequence.mask[::-1].index(True) if any(sequence.mask) else 0


class _Laying:
    """A row while it grows; what is supervised is left out."""

    def __init__(self, sequences: Sequence[Encoded], *, share: bool) -> None:
        self.read = [sequence.ids[: _read(sequence)] for sequence in sequences]
        self.least = LEAST_SAVED if share else max(map(len, self.read), default=0) + 1
        self.row = Row([], [], [], [], [], [])
        self.paths: list[tuple[Span, ...]] = [()] * len(sequences)
        """Where the tokens of a sequence lie in the row."""
        self.group(sorted(range(len(sequences)), key=self.read.__getitem__), 0, ())

    def group(self, group: list[int], known: int, sees: tuple[Span, ...]) -> None:
        """Lay the rests of a sorted group of sequences whose first `known` tokens are laid already, in the spans."""
        for run in self._runs(group, known + self.least):
            first = self.read[run[0]]
            common = _common(first, self.read[run[-1]]) if len(run) > 1 else len(first)
            path = sees
            if common > known:
                start = len(self.row.ids)
                self.row.ids.extend(first[known:common])
                self.row.positions.extend(range(known, common))
                self.row.segments.append(Segment(start, len(self.row.ids), sees))
                path = (*sees, (start, len(self.row.ids)))
            if len(run) > 1:
                self.group(run, common, path)
            else:
                self.paths[run[0]] = path

    def _runs(self, group: list[int], enough: int) -> list[list[int]]:
        """Cut a sorted group where two neighbours have fewer than `enough` first tokens in common."""
        runs = [[group[0]]]
        for left, right in pairwise(group):
            first, second = self.read[left], self.read[right]
            if min(len(first), len(second)) >= enough and first[:enough] == second[:enough]:
                runs[-1].append(right)
            else:
                runs.append([right])
        return runs


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many first tokens agree, halving what is left to compare."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
