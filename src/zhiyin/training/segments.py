"""Sequences laid end to end in one row without padding, a beginning that several share laid only once.

A pair of answers to one prompt becomes prompt, chosen, rejected; conversations under one system prompt become that
prompt and their rests; several answers to one question become a tree. Every token sees the tokens of its own
sequence alone, and stands at the position it has there, so the model computes what it would of each by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
    places: list[tuple[int, int, int]]
    """(place that predicts it, token, sequence) of every supervised token, sequence by sequence."""


def lay(sequences: Sequence[Encoded], *, share: bool = True) -> Row:
    """Lay the sequences in one row; `share` lays a common beginning of at least `LEAST_SAVED` tokens once.

    Tokens behind the last one that predicts anything are left out: nothing reads them.
    """
    laying = _Laying(sequences, share=share)
    laying.group(sorted(range(len(sequences)), key=laying.read.__getitem__), 0, ())
    for number, sequence in enumerate(sequences):
        for at in range(1, len(sequence.ids)):
            if sequence.mask[at]:
                laying.row.places.append((laying.places[number][at - 1], sequence.ids[at], number))
    return laying.row


def laid_tokens(sequences: Sequence[Encoded], *, share: bool = True) -> int:
    """Return how many tokens `lay` would lay."""
    return len(lay(sequences, share=share).ids)


def _read(sequence: Encoded) -> int:
    """Return the number of tokens up to the last that predicts a supervised one."""
    return max((at for at in range(1, len(sequence.ids)) if sequence.mask[at]), default=0)


class _Laying:
    """A row while it grows."""

    def __init__(self, sequences: Sequence[Encoded], *, share: bool) -> None:
        self.read = [tuple(sequence.ids[: _read(sequence)]) for sequence in sequences]
        self.least = LEAST_SAVED if share else max(map(len, self.read), default=0) + 1
        self.row = Row([], [], [], [])
        self.places: list[list[int]] = [[] for _ in sequences]
        """Place in the row of every token of a sequence."""

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
                self.places[run[0]] = [place for span in path for place in range(*span)]

    def _runs(self, group: list[int], enough: int) -> list[list[int]]:
        """Cut a sorted group where two neighbours have fewer than `enough` first tokens in common."""
        runs = [[group[0]]]
        for left, right in pairwise(group):
            if _common(self.read[left], self.read[right]) >= enough:
                runs[-1].append(right)
            else:
                runs.append([right])
        return runs


def _common(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Return how many first tokens agree."""
    limit = min(len(left), len(right))
    return next((at for at in range(limit) if left[at] != right[at]), limit)
