"""Set aside the records that quote a question which a benchmark asks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import compress
from pathlib import Path

from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import HITS, RECORDS, PromptSet
from zhiyin.data.parts import Gathered, Part, batches, write_parts
from zhiyin.data.rejections import Rejections
from zhiyin.data.sets import RecordSet, stating
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit
from zhiyin.records.jsonl import Rejected


class Config(StepConfig):
    """How much may be lost."""

    max_rejected: float = Field(default=0.5, ge=0, le=1)
    """Share of the records that may quote a question; above it the step fails, as it does when none is left."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of set that comes in; raises `ValueError` without prompts, for nothing would be protected."""
        if len(inputs) == 1:
            raise ValueError("`prompts` names no prompt set, so no question is protected")
        return inputs["records"]


class _Searched(Struct, frozen=True):
    """What became of one piece of the input."""

    kept: Part
    rejected: list[Rejected]
    hits: list[Hit]


def decontaminate(
    config: Config, *, out: Path, runtime: Runtime, records: RecordSet, prompts: Mapping[str, PromptSet]
) -> RecordSet:
    """Write the records that quote none of the prompts' questions, in their order; their lines are copied.

    The rule is that of `kernels.windows`. The others are rejected as `quotes NAME`, the first of the prompt sets by
    name, and every hit stands in `hits.jsonl` with both texts. The summary adds `uncovered`: of each prompt set the
    number of prompts that are too short for any rule, and `quoted`: how many of its prompts were found.
    Raises `ValueError` when no record is left, or when more than `max_rejected` of them were set aside.
    """
    from zhiyin.data.quotations import protected, uncovered

    folders = tuple((name, prompts[name].path) for name in sorted(prompts))
    found = list[Hit]()

    def kept(rejected: Rejections) -> Iterator[Part]:
        for done in mapped(partial(_searched, folders, type(records)), cut(records.path / RECORDS), runtime):
            for row in done.rejected:
                rejected.add(row)
            found.extend(done.hits)
            yield done.kept

    with Rejections() as rejected:
        made = write_parts(type(records), out, kept(rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "decontaminate", out)
    jsonl.write(out / HITS, found)
    quoted = Counter(name for name, _ in {(hit.prompts, hit.prompt_id) for hit in found})
    return stating(made, quoted=dict(sorted(quoted.items())), uncovered=uncovered(protected(folders)))


def _searched(folders: tuple[tuple[str, Path], ...], kind: type[RecordSet], shard: Shard) -> _Searched:
    """Search one piece."""
    from zhiyin.data.quotations import hits, protected

    kept, rejected, found = Gathered(), list[Rejected](), list[Hit]()
    questions = protected(folders)
    for lines, records in batches(shard, kind):
        sound = [True] * len(records)
        for place, own in hits(questions, records):
            sound[place] = False
            row = lines[place].decode("utf-8").removesuffix("\n")
            rejected.append(Rejected(records[place].id, f"quotes {own[0].prompts}", row))
            found.extend(own)
        kept.add(compress(lines, sound), list(compress(records, sound)))
    return _Searched(kept.part, rejected, found)
