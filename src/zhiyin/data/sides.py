"""Which part of a set a record belongs to: pure functions on arrays of keys."""

import unicodedata
from functools import partial
from pathlib import Path
from typing import Literal, cast

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from zhiyin.artifacts import RECORDS
from zhiyin.data.roster import Roster
from zhiyin.data.sampling import ranks
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.data.sources import Record
from zhiyin.data.texts import asked
from zhiyin.execution.runtime import Runtime


def questions(records: RecordSet, runtime: Runtime) -> NDArray[np.uint64]:
    """Return the key of what each record asks, without regard to white space, case and width of letters."""
    read = partial(_asked, type(records).record_type)
    return np.concatenate([np.empty(0, np.uint64), *mapped(read, cut(records.path / RECORDS), runtime)])


def _asked(kind: type[Record], shard: Shard) -> NDArray[np.uint64]:
    decode = cast("msgspec.json.Decoder[Record]", msgspec.json.Decoder(kind)).decode
    texts = (unicodedata.normalize("NFKC", asked(decode(line))).casefold() for line in shard.lines())
    return np.array([xxhash.xxh3_64_intdigest("".join(text.split()).encode()) for text in texts], np.uint64)


def by_share(share: float, seed: int, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return who is held out: each key by itself alone, so that no other record has a say in it."""
    # The share is in the rank: of a part that was split off, another share is as random.
    return ranks(seed, f"split/{share!r}", keys) < np.uint64(int(share * 2**64))


def by_number(held_out: int, seed: int, keys: NDArray[np.uint64], folder: Path) -> NDArray[np.bool_]:
    """Return who is held out: whole groups of one key whose records add up to the number exactly.

    Raises `ValueError`, naming the set's folder, when there is no such choice.
    """
    missing = held_out
    if missing >= len(keys):
        raise ValueError(f"{folder} has {len(keys)} records; {missing} cannot be held out of them")
    groups, group_of, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    chosen = np.zeros(len(groups), np.bool_)
    for group in np.argsort(ranks(seed, "split", groups), kind="stable").tolist():
        if sizes[group] <= missing:
            chosen[group] = True
            missing -= int(sizes[group])
        if not missing:
            return chosen[group_of]
    raise ValueError(
        f"no whole groups of records that ask the same add up to {held_out}; "
        f"{held_out - missing} would do, or `by: id`, which lets them leak"
    )


def numbered(parts: int, order: Literal["random", "file"], seed: int, roster: Roster) -> NDArray[np.int64]:
    """Return the part that each record belongs to: every kind is dealt out over all of them."""
    numbers = np.empty(len(roster), np.int64)
    scores = ranks(seed, "stratify", roster.keys)
    for code in range(len(roster.kind_names)):
        rows = np.flatnonzero(roster.kinds == code)
        places = np.arange(len(rows))
        if order == "random":
            numbers[rows[np.argsort(scores[rows], kind="stable")]] = places * parts // len(rows)
        else:
            numbers[rows] = places // -(-len(rows) // parts)
    return numbers
