"""Which records a mix takes: pure functions from rosters to rows, without replacement, told by seed and ids alone."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from zhiyin.data.roster import Roster
from zhiyin.data.sampling import ranks

Rows = Mapping[str, NDArray[np.int64]]
"""Rows of each source, by its name."""
Rosters = Mapping[str, Roster]


class Lot(Struct, frozen=True):
    """Records among which one draw chooses, and how many it wants of them."""

    what: Literal["source", "kind", "sources"]
    name: str
    """The source or kind; `all` of all sources together."""
    wanted: int
    rows: Rows

    @property
    def size(self) -> int:
        """Records to choose from."""
        return sum(map(len, self.rows.values()))


class Portion(Struct, frozen=True):
    """What a mix takes of one kind of one source."""

    wanted: float
    """The records such a draw takes on average; a quota and a ratio are met exactly, over all that they cover."""
    taken: int
    available: int
    """Records there are, before any cap."""
    share: float
    """Of the mix."""


def capped(seed: int, rosters: Rosters, caps: Mapping[str, int]) -> Rows:
    """Return the rows that may be drawn: of a source with a cap, a random choice of so many."""
    chosen = {}
    for name, roster in rosters.items():
        chosen[name] = np.arange(len(roster))
        if name in caps:
            chosen[name] = _lowest(caps[name], chosen[name], scores(seed, "cap", name, roster))
    return chosen


def of_kind(rosters: Rosters, rows: Rows, kind: str) -> Rows:
    """Return those rows whose records are of this kind."""
    return {name: rows[name][_is_kind(roster, kind)[rows[name]]] for name, roster in rosters.items()}


def drawn(seed: int, rosters: Rosters, lots: list[Lot]) -> Rows:
    """Return the rows of each source that the lots give, in file order; a lot that is too small gives all it has.

    Every record of a lot has the same chance, whatever its source. A lot that wants more keeps what it gave before.
    """
    found: dict[str, list[NDArray[np.int64]]] = {name: [] for name in rosters}
    for lot in lots:
        names = list(lot.rows)
        rows = np.concatenate([lot.rows[name] for name in names])
        owners = np.repeat(np.arange(len(names)), [len(lot.rows[name]) for name in names])
        own = [scores(seed, "mix", name, rosters[name])[lot.rows[name]] for name in names]
        picked = _lowest(lot.wanted, np.arange(len(rows)), np.concatenate(own))
        for place, name in enumerate(names):
            found[name].append(rows[picked[owners[picked] == place]])
    return {name: np.sort(np.concatenate(parts)) for name, parts in found.items()}


def portions(rosters: Rosters, lots: list[Lot], taken: Rows) -> Iterator[tuple[str, Portion]]:
    """Yield `source: kind` and its portion, for each kind of each source."""
    total = max(1, sum(map(len, taken.values())))
    for name, roster in rosters.items():
        available = np.bincount(roster.kinds, minlength=len(roster.kind_names))
        given = np.bincount(roster.kinds[taken[name]], minlength=len(roster.kind_names))
        wanted = np.zeros(len(roster.kind_names))
        for lot in lots:
            if lot.size and name in lot.rows:
                inside = np.bincount(roster.kinds[lot.rows[name]], minlength=len(wanted))
                wanted += inside * (lot.wanted / lot.size)
        for code, kind in sorted(enumerate(roster.kind_names), key=lambda pair: pair[1]):
            count = int(given[code])
            mean = round(float(wanted[code]), 1)
            yield f"{name}: {kind}", Portion(mean, count, int(available[code]), round(count / total, 6))


def scores(seed: int, purpose: str, name: str, roster: Roster) -> NDArray[np.uint64]:
    """Return a random number for each record, whatever the order of the file.

    It knows all ids of the source: were it told by the record's own id alone, a mix of mixes would prefer the records
    that have low numbers because they were drawn for them once already.
    """
    return ranks(seed, f"{purpose}/{name}/{int(roster.keys.sum(dtype=np.uint64))}", roster.keys)


def _lowest(count: int, values: NDArray[np.int64], numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the values that have the lowest numbers, all of them when there are not so many."""
    if count >= len(values):
        return values
    return values[np.argpartition(numbers, count)[:count]] if count else values[:0]


def _is_kind(roster: Roster, kind: str) -> NDArray[np.bool_]:
    code = roster.kind_names.index(kind) if kind in roster.kind_names else -1
    found: NDArray[np.bool_] = roster.kinds == code
    return found
