"""Keep a held-out part aside: two steps with one seed make the two parts of a set."""

import unicodedata
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self, cast

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zhiyin.artifacts import RECORDS
from zhiyin.data.gathering import keep
from zhiyin.data.roster import Roster, read_roster
from zhiyin.data.sampling import ranks
from zhiyin.data.sets import RecordSet, stating
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.data.sources import Record
from zhiyin.data.texts import asked
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime


class Config(StepConfig):
    """Which part, and how the parts are drawn. But for `part`, two steps must agree."""

    code_version: ClassVar[int] = 2

    part: Literal["train", "held_out"]
    """The part that this step writes."""
    held_out: int | None = Field(default=None, ge=1)
    """Records in the held-out part, exactly; the rest is for training. More records move the line between the parts."""
    share: float | None = Field(default=None, gt=0, lt=1)
    """Instead: about this share is held out, and a record stays on its side however the set grows or shrinks."""
    seed: int = 0
    """Another seed draws other records."""
    by: Literal["id", "text"] = "text"
    """Draw record by record, or keep records that ask the same on one side, so that nothing leaks."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.held_out is None) == (self.share is None):
            raise ValueError("give either `held_out`, a number of records, or `share`")
        return self

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def split(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write one part, in the order of the set; lines are copied as they are.

    By text, whole groups are held out in seeded order, and one that would exceed `held_out` is passed over. Raises
    `ValueError` when the set is too small, when no groups add up to the number, or when a part is empty.
    """
    roster = read_roster(records, runtime)
    keys = roster.keys if config.by == "id" else _questions(records, runtime)
    held_out = (
        _by_share(config.share, config.seed, keys) if config.share is not None else _exactly(config, roster, keys)
    )
    if not 0 < held_out.sum() < len(keys):
        raise ValueError(f"{records.path}: of {len(keys)} records, {held_out.sum()} would be held out: a part is empty")
    rows = np.flatnonzero(held_out == (config.part == "held_out"))
    return stating(keep(type(records), out, roster, rows), part=config.part, of=len(keys))


def _questions(records: RecordSet, runtime: Runtime) -> NDArray[np.uint64]:
    """Return the key of what each record asks."""
    read = partial(_asked, type(records).record_type)
    return np.concatenate([np.empty(0, np.uint64), *mapped(read, cut(records.path / RECORDS), runtime)])


def _asked(kind: type[Record], shard: Shard) -> NDArray[np.uint64]:
    """Return a hash of what each record asks, without regard to white space, case and width of letters."""
    decode = cast("msgspec.json.Decoder[Record]", msgspec.json.Decoder(kind)).decode
    texts = (unicodedata.normalize("NFKC", asked(decode(line))).casefold() for line in shard.lines())
    return np.array([xxhash.xxh3_64_intdigest("".join(text.split()).encode()) for text in texts], np.uint64)


def _by_share(share: float, seed: int, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return who is held out: each key by itself alone, so that no other record has a say in it."""
    # The share is in the rank: of a part that was split off, another share is as random.
    return ranks(seed, f"split/{share!r}", keys) < np.uint64(int(share * 2**64))


def _exactly(config: Config, roster: Roster, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return who is held out: whole groups of one key whose records add up to the number exactly."""
    missing = config.held_out or 0
    if missing >= len(keys):
        raise ValueError(f"{roster.path.parent} has {len(keys)} records; {missing} cannot be held out of them")
    groups, group_of, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    chosen = np.zeros(len(groups), np.bool_)
    for group in np.argsort(ranks(config.seed, "split", groups), kind="stable").tolist():
        if sizes[group] <= missing:
            chosen[group] = True
            missing -= int(sizes[group])
        if not missing:
            return chosen[group_of]
    raise ValueError(
        f"no whole groups of records that ask the same add up to {config.held_out}; "
        f"{(config.held_out or 0) - missing} would do, or `by: id`, which lets them leak"
    )
