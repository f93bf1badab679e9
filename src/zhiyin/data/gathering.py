"""Write chosen records of one or more sets: their lines are copied as they are, and few are held at a time."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from zhiyin.artifacts import RECORDS, REJECTED
from zhiyin.data.drawing import Rosters, Rows, scores
from zhiyin.data.roster import Roster, key_of, tallied
from zhiyin.data.sets import RecordSet

AT_ONCE = 2_000
"""Lines in hand."""


class Picked(Struct, frozen=True):
    """Records of all sources in the order in which they are written; the arrays are as long as they."""

    names: tuple[str, ...]
    owners: NDArray[np.int64]
    """Place of each record's source in `names`."""
    rows: NDArray[np.int64]
    """Its row in the roster of that source."""
    keys: NDArray[np.uint64]


def gather(kind: type[RecordSet], out: Path, rosters: Rosters, rows: Rows, seed: int) -> RecordSet:
    """Write records of several sets in random order; those that share an id across sources get `source/` in front.

    The summary is that of `artifacts.RecordSet.write`. Raises `ValueError` when such an id is taken as well.
    """
    picked = _ordered(rosters, rows, seed)
    return _write(kind, out, list(rosters.values()), picked, _clashing(rosters, picked))


def keep(kind: type[RecordSet], out: Path, roster: Roster, rows: NDArray[np.int64]) -> RecordSet:
    """Write some records of one set, in the order of `rows`; the summary is that of `artifacts.RecordSet.write`."""
    picked = Picked((), np.zeros(len(rows), np.int64), rows, roster.keys[rows])
    return _write(kind, out, [roster], picked, {})


def _write(
    kind: type[RecordSet], out: Path, rosters: Sequence[Roster], picked: Picked, renamed: Mapping[int, str]
) -> RecordSet:
    out.mkdir(parents=True, exist_ok=True)
    with (out / RECORDS).open("wb") as file:
        for lines in _lines(kind, rosters, picked, renamed):
            file.write(b"\n".join(lines) + b"\n")
    (out / REJECTED).touch()
    sources, kinds = Counter[str](), Counter[str]()
    for owner, roster in enumerate(rosters):
        rows = picked.rows[picked.owners == owner]
        sources.update(tallied(roster.sources[rows], roster.source_names))
        kinds.update(tallied(roster.kinds[rows], roster.kind_names))
    summary = {
        "records": len(picked.rows),
        "sources": dict(sources.most_common()),
        "kinds": dict(kinds.most_common()),
        "rejected": {},
    }
    return kind(out, summary)


def _ordered(rosters: Rosters, rows: Rows, seed: int) -> Picked:
    """Return the records in an order told by seed, source and id."""
    keys = [roster.keys[rows[name]] for name, roster in rosters.items()]
    places = [scores(seed, "order", name, roster)[rows[name]] for name, roster in rosters.items()]
    order = np.argsort(np.concatenate(places), kind="stable")
    owners = np.repeat(np.arange(len(rosters)), [len(rows[name]) for name in rosters])
    together = np.concatenate([rows[name] for name in rosters])
    return Picked(tuple(rosters), owners[order], together[order], np.concatenate(keys)[order])


def _clashing(rosters: Rosters, picked: Picked) -> dict[int, str]:
    """Return the new id of each record that shares its own with one of another source, by its place."""
    candidates = _alike(picked.keys)
    ids = _ids(rosters, picked, candidates)
    counts = Counter(ids)
    owners = picked.owners[candidates].tolist()
    renamed = {
        place: f"{picked.names[owner]}/{id}"
        for place, owner, id in zip(candidates.tolist(), owners, ids, strict=True)
        if counts[id] > 1
    }
    final = picked.keys.copy()
    for place, id in renamed.items():
        final[place] = key_of(id)
    for place in _alike(final).tolist():
        if place in renamed:
            raise ValueError(f"the id {renamed[place]} stands for two records even with its source's name in front")
    return renamed


def _alike(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the places of keys that stand more than once, in order."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(np.diff(keys[order]) == 0)
    return np.unique(np.concatenate([order[same], order[same + 1]]))


def _ids(rosters: Rosters, picked: Picked, places: NDArray[np.int64]) -> list[str]:
    """Return the ids of the records at these places."""
    ids = np.empty(len(places), object)
    for owner, name in enumerate(picked.names):
        mine = np.flatnonzero(picked.owners[places] == owner)
        ids[mine] = [one.id for one in rosters[name].named(picked.rows[places[mine]])]
    return cast("list[str]", ids.tolist())


def _lines(
    kind: type[RecordSet], rosters: Sequence[Roster], picked: Picked, renamed: Mapping[int, str]
) -> Iterator[list[bytes]]:
    """Yield the lines in order without their line breaks, some at a time."""
    decoder, encode = msgspec.json.Decoder(kind.record_type), msgspec.json.Encoder().encode
    with ExitStack() as stack:
        files = [stack.enter_context(roster.path.open("rb")).fileno() for roster in rosters]
        for begin in range(0, len(picked.rows), AT_ONCE):
            now = slice(begin, begin + AT_ONCE)
            places = _places(rosters, picked.owners[now], picked.rows[now])
            lines = [os.pread(files[owner], length, start) for owner, start, length in places]
            for place in range(len(lines)) if renamed else ():
                if begin + place in renamed:
                    record = msgspec.structs.replace(decoder.decode(lines[place]), id=renamed[begin + place])
                    lines[place] = encode(record)
            yield lines


def _places(
    rosters: Sequence[Roster], owners: NDArray[np.int64], rows: NDArray[np.int64]
) -> Iterator[tuple[int, int, int]]:
    """Yield the source, the beginning and the length of each line."""
    starts, lengths = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    for owner, roster in enumerate(rosters):
        mine = owners == owner
        starts[mine], lengths[mine] = roster.starts[rows[mine]], roster.lengths[rows[mine]]
    return zip(owners.tolist(), starts.tolist(), lengths.tolist(), strict=True)
