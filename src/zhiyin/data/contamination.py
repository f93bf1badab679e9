"""List the records that quote a question which a benchmark asks, and leave them where they are."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from zhiyin.artifacts import HITS, RECORDS, Contamination, PromptSet
from zhiyin.data.parts import batches
from zhiyin.data.sets import RecordSet
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit


class Config(StepConfig):
    """Nothing to set: the rule is that of `decontaminate`."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return the kind of artifact; raises `ValueError` when there is nothing to search, or to search for."""
        for name in ("records", "prompts"):
            if not any(given.startswith(f"{name}.") for given in inputs):
                raise ValueError(f"`{name}` names no step, so there is nothing to compare")
        return Contamination


def contamination(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    records: Mapping[str, RecordSet],
    prompts: Mapping[str, PromptSet],
) -> Contamination:
    """Write every hit with both texts, by record set in the order of their names, record and prompt set.

    The summary counts the `records` of each set that quote a question, the prompts of each set that are `quoted`, and
    those that are `uncovered`, too short for any rule.
    """
    from zhiyin.data.quotations import protected, uncovered

    folders = tuple((name, prompts[name].path) for name in sorted(prompts))
    found = [
        hit
        for name in sorted(records)
        for some in mapped(
            partial(_found, folders, name, type(records[name])), cut(records[name].path / RECORDS), runtime
        )
        for hit in some
    ]
    count = jsonl.write(out / HITS, found)
    quoting = Counter(name for name, _ in {(hit.records, hit.record_id) for hit in found})
    quoted = Counter(name for name, _ in {(hit.prompts, hit.prompt_id) for hit in found})
    return Contamination(
        out,
        {
            "hits": count,
            "records": {name: quoting[name] for name in sorted(records)},
            "quoted": {name: quoted[name] for name in sorted(prompts)},
            "uncovered": uncovered(protected(folders)),
        },
    )


def _found(folders: tuple[tuple[str, Path], ...], name: str, kind: type[RecordSet], shard: Shard) -> list[Hit]:
    """Search one piece."""
    from zhiyin.data.quotations import hits, protected

    questions = protected(folders)
    return [hit for _, records in batches(shard, kind) for _, own in hits(questions, records, name) for hit in own]
