"""Keep one record of those that say the same, exactly or nearly."""

from collections.abc import Iterator, Mapping
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec
from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import RECORDS
from zhiyin.data.parts import Gathered, Part, write_parts
from zhiyin.data.rejections import Rejections
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard, cut
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected

if TYPE_CHECKING:
    from zhiyin.data.likeness import Origins

DUPLICATES = "duplicates.jsonl"


class Config(StepConfig):
    """What makes two records one."""

    by: Literal["text", "asked"] = "text"
    """Compare whole records, or only what they ask: the first user turn, or the document."""
    near: float = Field(default=0.7, ge=0.6, le=1)
    """Two records whose character 5-grams have this Jaccard similarity or more are near duplicates; 1: none are."""
    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of the records that may be duplicates; above it the step fails: rows made from one pattern are all near."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


class Duplicate(Struct, frozen=True, forbid_unknown_fields=True):
    """A record that was dropped; a line of `duplicates.jsonl`."""

    record_id: str
    kept_id: str
    """The first record of its group, which stays."""
    rule: Literal["exact", "near"]


def deduplicate(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write the first record of every group in the order of the set; lines are copied as they are.

    Exact duplicates are the same but for white space, punctuation, case and width; operators and the points and commas
    of numbers count. Near ones are found by MinHash and compared by their 5-grams, and a group is all that hangs
    together. So records made from a pattern, such as sums in words, want `near: 1`.
    The others are rejected as `exact duplicate` or `near duplicate`, and `duplicates.jsonl` says of which record.
    A record takes some 200 bytes of memory, one that is like another a kilobyte more.
    Raises `ValueError` when more than `max_rejected` of them are duplicates.
    """
    from zhiyin.data.likeness import origins

    shards = cut(records.path / RECORDS)
    found = origins(shards, type(records), config.by, config.near, runtime)
    out.mkdir(parents=True, exist_ok=True)
    with Rejections() as rejected, (out / DUPLICATES).open("wb") as table:
        made = write_parts(type(records), out, _kept(shards, found, rejected, table), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "deduplicate", out)
    return made


def _kept(shards: list[Shard], found: "Origins", rejected: Rejections, table: BinaryIO) -> Iterator[Part]:
    """Yield what stays, piece by piece; the rest goes to `rejected` and into the table."""
    from zhiyin.data.roster import Named

    decode, encode = msgspec.json.Decoder(Named).decode, msgspec.json.Encoder().encode
    ids = dict[int, str]()
    """Of the records that stay and have duplicates."""
    every, first = found.stays, 0
    for shard in shards:
        lines = shard.lines()
        records, own = list(map(decode, lines)), slice(first, first + len(lines))
        stays = every[own]
        ids |= {first + place: records[place].id for place in found.shared[own].nonzero()[0].tolist()}
        for place in (~stays).nonzero()[0].tolist():
            rule: Literal["exact", "near"] = "near" if found.near[first + place] else "exact"
            one = records[place].id
            rejected.add(Rejected(one, f"{rule} duplicate", lines[place].decode("utf-8").removesuffix("\n")))
            table.write(encode(Duplicate(one, ids[int(found.rows[first + place])], rule)) + b"\n")
        first += len(lines)
        kept, chosen = Gathered(), stays.tolist()
        kept.add(compress(lines, chosen), list(compress(records, chosen)))
        yield kept.part
