"""Look at record sets through a tokenizer: lengths, what is too long, and some records token by token."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import Checkpoint, ConversationSet, Inspection, PreferenceSet, TextSet, Tokenizer
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.chat.templates import AnyTemplate
from zhiyin.data.length_table import Group
from zhiyin.data.sampling import rank
from zhiyin.data.sets import RecordSet, each
from zhiyin.data.texts import texts
from zhiyin.data.token_pieces import Unusable, encoded, pieces
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.locale.words import Language
from zhiyin.records import jsonl
from zhiyin.records.inspection import Lengths, Piece, Shown

Key = tuple[str, str]
"""Source and kind."""


class Config(StepConfig):
    """What is looked at, and how much of it is shown."""

    max_length: int = Field(default=2048, ge=1)
    """Tokens that a training will take of a record; longer ones are counted."""
    templates: tuple[AnyTemplate, ...] = ()
    """Chat templates whose lengths are compared; without any, the tokenizer's own. Records are shown in the first."""
    samples: int = Field(default=2, ge=0)
    """Records of each source and kind that are shown."""
    shown_tokens: int = Field(default=400, ge=1)
    """Tokens of a record that are shown."""
    language: Language = "en"
    """The language of the page's own words."""
    seed: int = 0
    """Another seed shows other records."""


class _Sample(Struct, frozen=True):
    rank: int
    id: str
    tokens: Encoded


class _Seen(Struct):
    """What is kept of a set while it is read."""

    groups: defaultdict[Key, Group]
    samples: defaultdict[Key, list[_Sample]]
    unusable: list[Unusable]


def inspect_records(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    records: Mapping[str, TextSet | ConversationSet | PreferenceSet],
    tokenizer: Tokenizer | Checkpoint,
) -> Inspection:
    """Write `lengths.jsonl`, `samples.jsonl`, and `inspection.html`, a page that needs nothing else.

    Which records are shown is told by a hash of seed and id. The summary states for each template and set its
    `records`, those `over` the limit, `characters_per_token`, and how many are `unusable` with the template, and why.
    """
    from zhiyin.chat.template import load_encoder
    from zhiyin.data.inspection_page import render

    table, shown, summary = list[Lengths](), list[Shown](), dict[str, dict[str, Any]]()
    for number, template in enumerate(config.templates or (None,)):
        encoder = load_encoder(tokenizer.path, template)
        name = encoder.template.name
        for label, some in records.items():
            seen = _read(config, some, encoder)
            rows = [group.row(name, label, key, config.max_length) for key, group in sorted(seen.groups.items())]
            table += rows
            summary.setdefault(name, {})[label] = _facts(seen, rows)
            if number == 0:
                shown += _shown(config, label, seen, encoder)
    jsonl.write(out / "lengths.jsonl", table)
    jsonl.write(out / "samples.jsonl", shown)
    page = render(config.language, limit=config.max_length, table=table, shown=shown, summary=summary)
    (out / "inspection.html").write_text(page, encoding="utf-8")
    return Inspection(out, {"max_length": config.max_length, **summary})


def _read(config: Config, records: RecordSet, encoder: Encoder) -> _Seen:
    """Encode every record; kept are its numbers, and the records of lowest rank in each group."""
    seen = _Seen(defaultdict(Group), defaultdict(list), [])
    stream = each(records)
    while batch := list(islice(stream, 512)):
        for record, one in zip(batch, encoded(batch, encoder), strict=True):
            if isinstance(one, Unusable):
                seen.unusable.append(one)
                continue
            key = (record.source, record.kind)
            own = texts(record)
            group = seen.groups[key]
            group.lengths.append(len(one.ids))
            group.supervised += sum(one.mask)
            group.characters += sum(map(len, own))
            group.content += sum(map(len, encoder.texts(own)))
            some = seen.samples[key]
            some.append(_Sample(rank(config.seed, "inspect", record.id), record.id, one))
            some.sort(key=lambda sample: (sample.rank, sample.id))
            del some[config.samples :]
    return seen


def _facts(seen: _Seen, rows: list[Lengths]) -> dict[str, Any]:
    groups = seen.groups.values()
    content = sum(group.content for group in groups)
    return {
        "records": sum(row.records for row in rows),
        "tokens": sum(sum(group.lengths) for group in groups),
        "over": sum(row.over for row in rows),
        "characters_per_token": round(sum(group.characters for group in groups) / content, 3) if content else 0.0,
        "unusable": len(seen.unusable),
        **({"first_unusable": f"{seen.unusable[0].id}: {seen.unusable[0].reason}"} if seen.unusable else {}),
    }


def _shown(config: Config, label: str, seen: _Seen, encoder: Encoder) -> Iterator[Shown]:
    """Yield the samples of a set, token by token."""

    def decode(ids: list[int]) -> str:
        text: str = encoder.tokenizer.decode(ids, skip_special_tokens=False)
        return text

    for (source, kind), some in sorted(seen.samples.items()):
        for sample in some:
            beginning = tuple(_first(pieces(sample.tokens, decode), config.shown_tokens))
            tokens = len(sample.tokens.ids)
            yield Shown(
                set=label,
                id=sample.id,
                source=source,
                kind=kind,
                tokens=tokens,
                over=tokens > config.max_length,
                pieces=beginning,
                rest=tokens - sum(len(piece.ids) for piece in beginning),
            )


def _first(found: Iterator[Piece], limit: int) -> Iterator[Piece]:
    """Yield pieces of that many tokens at most, and none in part."""
    for piece in found:
        limit -= len(piece.ids)
        if limit < 0:
            return
        yield piece
