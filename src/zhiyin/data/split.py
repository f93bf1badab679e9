"""Keep a held-out part aside: two steps with one seed make the two parts of a set."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import xxhash
from pydantic import Field

from zhiyin.data.sampling import rank
from zhiyin.data.sets import RecordSet, each, stating, write
from zhiyin.data.sources import Record
from zhiyin.data.texts import asked
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime


class Config(StepConfig):
    """Which part, and how the parts are drawn. But for `part`, two steps must agree."""

    part: Literal["train", "held_out"]
    """The part that this step writes."""
    held_out: int = Field(ge=1)
    """Records in the held-out part; the rest is for training."""
    seed: int = 0
    """Another seed draws other records."""
    by: Literal["id", "text"] = "text"
    """Draw record by record, or keep records that ask the same on one side, so that nothing leaks."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


def split(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write one part, in the order of the set.

    By text, whole groups are held out in seeded order, and one that would exceed the number is passed over. Raises
    `ValueError` when the set is too small, or when no groups add up to the number.
    """
    keys = [_key(config.by, record) for record in each(records)]
    if config.held_out >= len(keys):
        raise ValueError(f"{records.path} has {len(keys)} records; {config.held_out} cannot be held out of them")
    held_out = _held_out(config, keys)
    wanted = config.part == "held_out"
    part = (record for key, record in zip(keys, each(records), strict=True) if (key in held_out) == wanted)
    return stating(write(type(records), out, part), part=config.part, of=len(keys))


def _key(by: str, record: Record) -> str:
    """Return the id, or a hash of what is asked, without regard to white space, case and width of letters."""
    if by == "id":
        return record.id
    squeezed = "".join(unicodedata.normalize("NFKC", asked(record)).casefold().split())
    return xxhash.xxh3_128_hexdigest(squeezed.encode())


def _held_out(config: Config, keys: list[str]) -> set[str]:
    """Return the keys of the held-out part, whose records add up to the number exactly."""
    sizes: dict[str, int] = {}
    for key in keys:
        sizes[key] = sizes.get(key, 0) + 1
    missing, chosen = config.held_out, set[str]()
    for key in sorted(sizes, key=lambda key: (rank(config.seed, "split", key), key)):
        if sizes[key] <= missing:
            chosen.add(key)
            missing -= sizes[key]
        if not missing:
            return chosen
    raise ValueError(
        f"no whole groups of records that ask the same add up to {config.held_out}; "
        f"{config.held_out - missing} would do, or `by: id`, which lets them leak"
    )
