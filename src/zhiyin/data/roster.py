"""What stands in a record set, as arrays: for each record its key, its kind, its source, and where its line lies.

A million records take some 30 MB, their texts stay in the file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import xxhash
from msgspec import Struct
from numpy.typing import NDArray

from zhiyin.artifacts import RECORDS
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.execution.runtime import Runtime


class Named(Struct, frozen=True, gc=False):
    """The part of a record that is read; the rest of its line is passed over."""

    id: str
    source: str = ""
    kind: str = ""


class Roster(Struct, frozen=True):
    """The records of one file, in its order. `keys`, `starts`, `lengths`, `kinds` and `sources` are as long as it."""

    path: Path
    keys: NDArray[np.uint64]
    """XXH3 of each id."""
    starts: NDArray[np.int64]
    """Where each line begins, in bytes."""
    lengths: NDArray[np.int64]
    """Bytes of each line without its line break."""
    kinds: NDArray[np.int32]
    """Place of each record's kind in `kind_names`."""
    sources: NDArray[np.int32]
    """Place of each record's source in `source_names`."""
    kind_names: tuple[str, ...]
    source_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def named(self, rows: NDArray[np.int64]) -> Iterator[Named]:
        """Yield what is read of these records once more, in the order of `rows`."""
        decode = msgspec.json.Decoder(Named).decode
        with self.path.open("rb") as file:
            for start, length in zip(self.starts[rows].tolist(), self.lengths[rows].tolist(), strict=True):
                file.seek(start)
                yield decode(file.read(length))


def tallied(codes: NDArray[np.int32], names: tuple[str, ...]) -> dict[str, int]:
    """Return how many records have each name that any has."""
    found = zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True)
    return {name: count for name, count in found if count}


def read_roster(records: RecordSet, runtime: Runtime) -> Roster:
    """Read a set; raises `ValueError` for an id that stands twice, and for a line that is not a record."""
    path = records.path / RECORDS
    parts = list(mapped(_part, cut(path), runtime))
    kind_names, kinds = _joined([(part.kind_names, part.kinds) for part in parts])
    source_names, sources = _joined([(part.source_names, part.sources) for part in parts])
    roster = Roster(
        path,
        np.concatenate([np.empty(0, np.uint64), *(part.keys for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.starts for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.lengths for part in parts)]),
        kinds,
        sources,
        kind_names,
        source_names,
    )
    repeated = _repeated(roster)
    if repeated is not None:
        raise ValueError(f"{path} holds the id {repeated} twice")
    return roster


def key_of(id: str) -> int:
    """Return the 64-bit key of an id."""
    return xxhash.xxh3_64_intdigest(id.encode())


def _part(shard: Shard) -> Roster:
    """Read one piece of the file."""
    lines, digest = shard.lines(), xxhash.xxh3_64_intdigest
    records = list[Named]()
    try:
        records.extend(map(msgspec.json.Decoder(Named).decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        at = shard.start + sum(map(len, lines[: len(records)]))
        raise ValueError(f"{shard.path}: not a record at byte {at}: {error}; make the set anew") from error
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    starts = shard.start + np.cumsum(lengths) - lengths
    keys = np.array([digest(record.id.encode()) for record in records], np.uint64)
    kind_names, kinds = _coded([record.kind for record in records])
    source_names, sources = _coded([record.source for record in records])
    return Roster(shard.path, keys, starts, lengths - 1, kinds, sources, kind_names, source_names)


def _coded(names: list[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the different names, in order of their first record, and of each record the place of its name."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return tuple(places), np.fromiter(map(places.__getitem__, names), np.int32, len(names))


def _joined(parts: Sequence[tuple[tuple[str, ...], NDArray[np.int32]]]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names of all parts, in order of their first record, and the codes under those names."""
    names = {name: place for place, name in enumerate(dict.fromkeys(name for own, _ in parts for name in own))}
    codes = [np.array([names[name] for name in own], np.int32)[part] for own, part in parts]
    return tuple(names), np.concatenate([np.empty(0, np.int32), *codes])


def _repeated(roster: Roster) -> str | None:
    """Return an id that two records share; keys that are equal by chance are told apart by the ids."""
    order = np.argsort(roster.keys, kind="stable")
    same = np.flatnonzero(np.diff(roster.keys[order]) == 0)
    if not len(same):
        return None
    seen = set[str]()
    for one in roster.named(np.unique(np.concatenate([order[same], order[same + 1]]))):
        if one.id in seen:
            return one.id
        seen.add(one.id)
    return None
