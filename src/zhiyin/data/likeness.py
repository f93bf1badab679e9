"""Which records of a set say the same: hashes and band keys by piece, and one reduction of them all.

For each record travel 16 bytes of a hash and 128 of band keys. Shingles are computed once more, and only of records
that share a band with another one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, cast

import msgspec
import numpy as np
import xxhash
from msgspec import Struct
from numpy.typing import NDArray

from zhiyin.data.kernels.buckets import joined, pairs, shared
from zhiyin.data.kernels.minhash import BANDS, band_keys, signatures
from zhiyin.data.kernels.shingles import Shingles, distinct, jaccard, shingles
from zhiyin.data.kernels.squeeze import squeeze
from zhiyin.data.parts import BATCH, batches
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard, mapped
from zhiyin.data.sources import Record
from zhiyin.data.texts import asked, texts
from zhiyin.execution.runtime import Runtime

By = Literal["text", "asked"]
Rows = NDArray[np.int64]
Keys = NDArray[np.uint64]


class Origins(Struct, frozen=True):
    """Of each record of a set, in its order."""

    rows: Rows
    """The first record of its group, by number."""
    near: NDArray[np.bool_]
    """It is like another record, and the same as no earlier one."""
    shared: NDArray[np.bool_]
    """It is the first of several."""

    @property
    def stays(self) -> NDArray[np.bool_]:
        """It is the first of its group, or alone."""
        stays: NDArray[np.bool_] = self.rows == np.arange(self.rows.size)
        return stays


class Marks(Struct, frozen=True):
    """Of each record of a piece."""

    digests: Keys
    """Records x 2: XXH3 (128 bits) of the squeezed text."""
    bands: Keys
    """Records x bands; without rows when near duplicates are not wanted."""


class Picked(Struct, frozen=True):
    """Some records of a piece."""

    shard: Shard
    rows: Rows
    """By their number within it, in rising order."""


def origins(shards: Sequence[Shard], kind: type[RecordSet], by: By, near: float, runtime: Runtime) -> Origins:
    """Return what each record is a duplicate of, itself if of none; see `deduplicate`."""
    marks = list(mapped(partial(_marks, kind, by, near < 1), shards, runtime))
    starts = np.cumsum([0, *(len(each.digests) for each in marks)])
    first = _first(np.concatenate([np.zeros((0, 2), np.uint64), *(each.digests for each in marks)]))
    alone = first == np.arange(first.size)
    own = np.flatnonzero(alone)
    rows = first
    if near < 1 and own.size > 1:
        bands = _bands(marks, alone)

        def fetch(wanted: Rows) -> Shingles:
            return _fetched(shards, starts, partial(_sets, kind, by), own[wanted], runtime)

        group = np.zeros(first.size, np.int64)
        group[own] = own[_groups(bands, near, fetch)]
        rows = group[first]
    shared_rows = np.bincount(rows, minlength=rows.size) > 1
    return Origins(rows, near=alone & (rows != first), shared=shared_rows)


def _first(digests: Keys) -> Rows:
    """Return of each digest the first place at which it stands."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    new = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))[: order.size]
    first = np.empty(order.size, np.int64)
    first[order] = order[np.maximum.accumulate(np.where(new, np.arange(order.size), 0))]
    return first


def _bands(marks: list[Marks], chosen: NDArray[np.bool_]) -> Keys:
    """Return the band keys of the chosen records, bands x records. Empties `marks`, or there would be two of all."""
    bands = np.empty((BANDS, np.count_nonzero(chosen)), np.uint64)
    row = place = 0
    marks.reverse()
    while marks:
        part = marks.pop().bands
        some = part[chosen[row : row + len(part)]]
        bands[:, place : place + len(some)] = some.T
        row, place = row + len(part), place + len(some)
    return bands


def _groups(bands: Keys, near: float, fetch: Callable[[Rows], Shingles]) -> Rows:
    """Return of each text the first of its group; `fetch` gives the sets of shingles of some texts."""
    candidates = np.zeros(bands.shape[1], bool)
    for keys in bands:
        candidates |= shared(keys)
    rows = np.flatnonzero(candidates)
    sets = fetch(rows)
    labels = np.arange(rows.size)
    for keys in bands[:, rows]:
        for left, right in pairs(keys):
            apart = labels[left] != labels[right]
            both = zip(left[apart].tolist(), right[apart].tolist(), strict=True)
            alike = np.array([jaccard(sets, one, other) >= near for one, other in both], bool)
            labels = joined(labels, left[apart][alike], right[apart][alike])
    found = np.arange(candidates.size)
    found[rows] = rows[labels]
    return found


def _fetched(
    shards: Sequence[Shard], starts: Rows, sets: Callable[[Picked], Shingles], rows: Rows, runtime: Runtime
) -> Shingles:
    """Return the sets of shingles of some records of the whole file, in rising order."""
    bounds = np.searchsorted(rows, starts)
    pieces = [
        Picked(shard, rows[bounds[number] : bounds[number + 1]] - starts[number])
        for number, shard in enumerate(shards)
        if bounds[number] < bounds[number + 1]
    ]
    return _together(list(mapped(sets, pieces, runtime)))


def _together(parts: list[Shingles]) -> Shingles:
    """Return the parts as one. Empties the list, or there would be two of all."""
    counts = np.concatenate([np.zeros(1, np.int64), *(each.counts for each in parts)])
    hashes, place = np.empty(counts.sum(), np.uint32), 0
    parts.reverse()
    while parts:
        part = parts.pop().hashes
        hashes[place : place + part.size] = part
        place += part.size
    return Shingles(hashes, np.cumsum(counts))


def _marks(kind: type[RecordSet], by: By, near: bool, shard: Shard) -> Marks:
    """Compute the marks of one piece."""
    digests, bands = list[bytes](), [np.zeros((0, BANDS), np.uint64)]
    for _, records in batches(shard, kind):
        said = [_text(record, by) for record in records]
        keys = squeeze(said, "signs")
        bounds = keys.starts.tolist()
        for text, begin, end in zip(said, bounds, bounds[1:], strict=False):
            # What is nothing but punctuation is the same as nothing but the same punctuation.
            digests.append(xxhash.xxh3_128_digest(keys.codes[begin:end].data if begin < end else text.encode()))
        if near:
            bands.append(band_keys(signatures(shingles(keys))))
    return Marks(np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2), np.concatenate(bands))


def _sets(kind: type[RecordSet], by: By, picked: Picked) -> Shingles:
    """Compute the sets of shingles of some records of one piece."""
    lines, decode = picked.shard.lines(), msgspec.json.Decoder(kind.record_type).decode
    rows, made = picked.rows.tolist(), list[Shingles]()
    for start in range(0, len(rows), BATCH):
        batch = [_text(cast("Record", decode(lines[row])), by) for row in rows[start : start + BATCH]]
        made.append(distinct(shingles(squeeze(batch, "signs"))))
    return _together(made)


def _text(record: Record, by: By) -> str:
    """Return what is compared; a record that asks nothing is compared as a whole."""
    question = asked(record) if by == "asked" else ""
    return question if question.strip() else "\n".join(texts(record))
