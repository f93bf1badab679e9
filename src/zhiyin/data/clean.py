"""Give every text one form, and set aside the records that filters reject."""

import operator
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, compress
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import RECORDS
from zhiyin.data.filters import AnyFilter
from zhiyin.data.parts import Gathered, Part, batches, write_parts
from zhiyin.data.rejections import Rejections
from zhiyin.data.rewriting import Rewriting, UnicodeForm, Whitespace
from zhiyin.data.sets import RecordSet, stating
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts, with_texts
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.text.faults import CONTROL
from zhiyin.text.script import Converter, Script


class Config(StepConfig):
    """What is done to the texts, and which records are set aside."""

    code_version: ClassVar[int] = 2
    unicode: UnicodeForm = "keep"
    """`nfc` and `nfkc` rewrite the texts; `nfkc` makes full-width ，？ plain, which Chinese texts should seldom be."""
    script: Script | Literal["keep"] = "keep"
    """Write every text in simplified or traditional characters, or keep what it has."""
    converter: Converter = "table"
    """`opencc` knows which form a word wants, and takes some five times as long as the table of single characters."""
    whitespace: Whitespace = "tidy"
    """`tidy` takes blanks off line ends and around a text, and makes runs of empty lines one; code may want `keep`."""
    control_characters: Literal["remove", "reject"] = "remove"
    """What is done about characters that no one sees; emoji and line breaks hold none."""
    filters: tuple[AnyFilter, ...] = ()
    """Reasons to set a record aside, in the order they are asked; the first one counts."""
    max_rejected: float = Field(default=1.0, ge=0, le=1)
    """Share of the records that may be set aside; above it the step fails, as it does when none is left."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in."""
        return inputs["records"]


class _Cleaned(Struct, frozen=True):
    """What became of one piece of the input."""

    kept: Part
    rejected: list[Rejected]
    changed: int


def clean(config: Config, *, out: Path, runtime: Runtime, records: RecordSet) -> RecordSet:
    """Write the records in their order, their texts in one form; unless a text changed, a record's line is copied.

    A rejected record keeps its id, `filter: reason`, and itself as it was filtered. The summary adds `tidied`: the
    number of kept records with a text that changed. Raises `ValueError` when no record is left, or when more than
    `max_rejected` of them were set aside.
    """
    tidied = 0

    def kept(rejected: Rejections) -> Iterator[Part]:
        nonlocal tidied
        shards = cut(records.path / RECORDS)
        for done in mapped(partial(_cleaned, config, type(records)), shards, runtime):
            for row in done.rejected:
                rejected.add(row)
            tidied += done.changed
            yield done.kept

    with Rejections() as rejected:
        made = write_parts(type(records), out, kept(rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "clean", out)
    return stating(made, tidied=tidied)


def _cleaned(config: Config, kind: type[RecordSet], shard: Shard) -> _Cleaned:
    """Clean one piece."""
    rewriting = Rewriting(config.unicode, config.script, config.converter, config.whitespace)
    encode = msgspec.json.Encoder().encode
    kept, rejected, changed = Gathered(), list[Rejected](), 0
    for lines, before in batches(shard, kind):
        after, reasons = _rewritten(config, rewriting, before)
        _ask(config.filters, after, reasons)
        sound = [reason is None for reason in reasons]
        for place, (old, new, reason) in enumerate(zip(before, after, reasons, strict=True)):
            if reason is not None:
                rejected.append(Rejected(new.id, reason, encode(new).decode("utf-8")))
            elif new is not old:
                lines[place] = encode(new) + b"\n"
                changed += 1
        kept.add(compress(lines, sound), list(compress(after, sound)))
    return _Cleaned(kept.part, rejected, changed)


def _rewritten(
    config: Config, rewriting: Rewriting, records: Sequence[Record]
) -> tuple[list[Record], list[str | None]]:
    """Return the records with their texts rewritten, the same object where none changed, and why some are rejected."""
    own = [texts(record) for record in records]
    before = [text for some in own for text in some]
    after = rewriting.texts(before)
    reasons: list[str | None] = [None] * len(records)
    if config.control_characters == "reject":
        reasons = [_control(some) for some in own]
    found = list(records)
    changed = [place for place, differs in enumerate(map(operator.ne, before, after)) if differs]
    if changed:
        ends = list(accumulate(map(len, own)))
        for place in dict.fromkeys(bisect_right(ends, text) for text in changed):
            found[place] = with_texts(records[place], after[ends[place] - len(own[place]) : ends[place]])
    return found, reasons


def _control(texts: Sequence[str]) -> str | None:
    found = next(filter(None, map(CONTROL.search, texts)), None)
    return None if found is None else f"control_characters: U+{ord(found[0]):04X}"


def _ask(filters: Sequence[AnyFilter], records: Sequence[Record], reasons: list[str | None]) -> None:
    """Note the reason of the first filter that rejects a record."""
    for one in filters:
        left = [place for place, reason in enumerate(reasons) if reason is None]
        for place, reason in zip(left, one.reasons([records[place] for place in left]), strict=True):
            if reason is not None:
                reasons[place] = f"{one.name}: {reason}"
