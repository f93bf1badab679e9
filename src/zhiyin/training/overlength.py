"""From records to examples, with a policy for those that are too long, and a count of what happened, by source."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sys import maxsize
from typing import Any

from msgspec import structs

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.records.jsonl import Rejected
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective

Records = TextSet | ConversationSet | PreferenceSet


@dataclass
class Intake:
    """What became of the records of one set."""

    examples: list[Example] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Ids of the examples that were cut to `max_length`."""
    sources: dict[str, str] = field(default_factory=dict)
    """Record id to data set."""

    def summary(self) -> dict[str, Any]:
        """Return the counts a reader wants first."""
        return {"examples": len(self.examples), "set_aside": len(self.rejected), **self.by_source()}

    def by_source(self) -> dict[str, Any]:
        """Return what was set aside, by data set and reason, and what was cut, by data set; nothing for none."""
        reasons: dict[str, Counter[str]] = {}
        for row in self.rejected:
            reasons.setdefault(self._source(row.where), Counter())[row.reason] += 1
        cut = Counter(map(self._source, self.cut))
        aside = {source: dict(counts) for source, counts in sorted(reasons.items())}
        return {
            **({"set_aside_by_source": aside} if aside else {}),
            **({"truncated_by_source": dict(sorted(cut.items()))} if cut else {}),
        }

    def _source(self, id: str) -> str:
        return self.sources.get(id, "")


def take_in(
    records: Records, objective: Objective, encoder: Encoder, *, max_length: int, truncate: bool = False
) -> Intake:
    """Encode the records; one that is too long is set aside, or cut with `truncate`.

    Running text is cut into blocks anyway. Raises `ValueError` when no record can be learnt from.
    """
    taken = Intake()

    def noted() -> Iterator[Any]:
        for record in records:
            taken.sources[record.id] = record.source
            yield record

    cutting = truncate and objective.records is not TextSet
    for one in objective.examples(noted(), encoder, maxsize if cutting else max_length):
        result = shortened(one, max_length, encoder.bos_id) if cutting and isinstance(one, Example) else one
        if isinstance(result, Rejected):
            taken.rejected.append(result)
            continue
        taken.examples.append(result)
        if result is not one:
            taken.cut.append(result.id)
    if not taken.examples:
        raise ValueError(_nothing(records.path, max_length, taken.rejected))
    return taken


def _nothing(path: Path, max_length: int, rejected: Sequence[Rejected]) -> str:
    reasons = "; ".join(f"{row.where}: {row.reason} ({row.row})" for row in rejected[:3])
    return f"{path}: no record can be learnt from with max_length {max_length}. {reasons}"


def shortened(example: Example, max_length: int, bos_id: int | None) -> Example | Rejected:
    """Return the example with no sequence above `max_length`: itself where none is.

    A single sequence loses its end. Answers to one prompt lose the prompt's beginning, all the same tokens, until they
    fit or the prompt is half of `max_length`, then their ends. BOS stays. Refused where nothing supervised is left.
    """
    longest = max(len(sequence.ids) for sequence in example.sequences)
    if longest <= max_length:
        return example
    if len(example.sequences) == 1:
        cut = [_kept(example.sequences[0], ((0, max_length),))]
    else:
        head = int(bos_id is not None and all(sequence.ids[0] == bos_id for sequence in example.sequences))
        prompt = _prompt_length(example.sequences)
        kept = max(max_length - (longest - prompt), min(prompt, max_length // 2), head)
        spans = ((0, head), (prompt - kept + head, prompt - kept + max_length))
        cut = [_kept(sequence, spans) for sequence in example.sequences]
    if not all(any(sequence.mask[1:]) for sequence in cut):
        return Rejected(where=example.id, reason="no supervised token within max_length", row=f"{longest} tokens")
    return structs.replace(example, sequences=tuple(cut))


def _prompt_length(sequences: Sequence[Encoded]) -> int:
    """Return how many first tokens the sequences have in common before one of them is supervised."""
    shortest = min(len(sequence.ids) for sequence in sequences)
    for at in range(shortest):
        if any(sequence.mask[at] or sequence.ids[at] != sequences[0].ids[at] for sequence in sequences):
            return at
    return shortest


def _kept(sequence: Encoded, spans: Iterable[tuple[int, int]]) -> Encoded:
    """Return the tokens of these spans, with all that is said of each."""
    columns = {
        name: [entry for start, end in spans for entry in column[start:end]]
        for name, column in structs.asdict(sequence).items()
        if column is not None
    }
    return Encoded(**columns)
