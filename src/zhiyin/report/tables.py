"""The tables of the page: records and rejections, what each step cost, on which machine, with which settings."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from zhiyin.artifacts import RECORDS, REJECTED, RecordSet
from zhiyin.records.conversation import Conversation
from zhiyin.records.jsonl import Rejected
from zhiyin.report.history import Node


@dataclass(frozen=True)
class Count:
    """How many records share a source, a kind, or a reason for rejection."""

    name: str
    records: int


@dataclass(frozen=True)
class Refusal:
    """A reason for rejection, with the first rows it befell."""

    reason: str
    records: int
    examples: tuple[Rejected, ...]


@dataclass(frozen=True)
class Records:
    """One set of records of the lineage."""

    node: Node
    kept: int
    sources: tuple[Count, ...]
    kinds: tuple[Count, ...]
    refusals: tuple[Refusal, ...]

    @property
    def refused(self) -> int:
        """Rows that did not become a record."""
        return sum(refusal.records for refusal in self.refusals)


@dataclass(frozen=True)
class Cost:
    """What one step took."""

    node: Node
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    share: float
    """Of the seconds of all steps, from 0 to 1."""


@dataclass(frozen=True)
class Costs:
    """What every step took, and all of them together; memory is that of the largest step."""

    steps: tuple[Cost, ...]
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Surroundings:
    """A machine and the versions on it, with the steps that ran there."""

    facts: tuple[tuple[str, str], ...]
    nodes: tuple[Node, ...]


def record_sets(nodes: Iterable[Node], examples: int) -> tuple[Records, ...]:
    """Return every set of records in the lineage, with up to `examples` rejected rows for each reason."""
    return tuple(
        _records(node, examples) for node in nodes if RECORDS in node.manifest.files and REJECTED in node.manifest.files
    )


def _records(node: Node, examples: int) -> Records:
    summary = node.manifest.summary
    reasons: dict[str, int] = summary.get("rejected", {})
    shown: dict[str, list[Rejected]] = {reason: [] for reason in reasons}
    wanted = sum(min(examples, number) for number in reasons.values())
    if wanted:
        for row in RecordSet[Conversation](node.artifact.path).rejected:
            if len(shown.setdefault(row.reason, [])) < examples:
                shown[row.reason].append(row)
                wanted -= 1
            if wanted == 0:
                break
    return Records(
        node,
        summary.get("records", 0),
        _counts(summary.get("sources", {})),
        _counts(summary.get("kinds", {})),
        tuple(Refusal(reason, number, tuple(shown[reason])) for reason, number in reasons.items()),
    )


def _counts(numbers: dict[str, int]) -> tuple[Count, ...]:
    """Return the counts; a field that no record of the set uses has none."""
    return () if set(numbers) == {""} else tuple(Count(name, number) for name, number in numbers.items())


def costs(nodes: Sequence[Node]) -> Costs:
    """Return seconds, CPU seconds and peak memory of every step, and their totals."""
    facts = [(node, node.manifest.provenance) for node in nodes]
    whole = sum(float(record["seconds"]) for _, record in facts)
    steps = tuple(
        Cost(
            node,
            float(record["seconds"]),
            float(record["cpu_seconds"]),
            int(record["peak_memory_bytes"]),
            float(record["seconds"]) / whole if whole else 0.0,
        )
        for node, record in facts
    )
    cpu, peak = sum(step.cpu_seconds for step in steps), max((step.peak_memory_bytes for step in steps), default=0)
    return Costs(steps, whole, cpu, peak)


def surroundings(nodes: Iterable[Node]) -> tuple[Surroundings, ...]:
    """Return each machine and set of versions that steps ran with: one, unless the store was filled in stages."""
    found: dict[tuple[tuple[str, str], ...], list[Node]] = {}
    for node in nodes:
        record = node.manifest.provenance
        commit = f"{record['commit'][:12] or '–'}{' (changed files)' if record['dirty'] else ''}"
        runtime = ", ".join(f"{name} {value}" for name, value in record["runtime"].items() if name != "store")
        facts = (
            ("machine", record["machine"]),
            ("python", record["python"]),
            *sorted(record["packages"].items()),
            ("commit", commit),
            ("runtime", runtime),
        )
        found.setdefault(facts, []).append(node)
    return tuple(Surroundings(facts, tuple(ran)) for facts, ran in found.items())


def as_yaml(value: dict[str, Any]) -> str:
    """Write a config as a recipe has it; a file is its path, with the start of its SHA-256."""
    buffer = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 100
    yaml.dump(_plain(value), buffer)
    return buffer.getvalue().rstrip()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"path", "sha256"}:
            return f"{value['path']} ({value['sha256'][:12]})"
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
