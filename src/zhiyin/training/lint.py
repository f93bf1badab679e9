"""What is checked before the first step, on every example as it was encoded and on the first batches as they are laid.

Mistakes caught here train without a complaint: a stop token that is not learnt (the model never ends its answer), a
second BOS, padding that counts as text, a record that lost its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy

from zhiyin.artifacts import TextSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective

if TYPE_CHECKING:
    from zhiyin.training.batches import Batch
    from zhiyin.training.work import StepDataset

AT_ONCE = 2048
"""Examples whose tokens are looked at in one go; bounds the memory."""
FIRST_STEPS = 2
"""Steps whose batches are looked at."""

Ids = numpy.ndarray[Any, numpy.dtype[numpy.int64]]
Mask = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]


@dataclass(frozen=True)
class _Tokens:
    """Many sequences end to end; the arrays have one entry a token, `lengths` and `starts` one a sequence."""

    ids: Ids
    mask: Mask
    lengths: Ids
    starts: Ids
    owners: list[str]
    """Record id of each sequence."""

    @classmethod
    def of(cls, examples: Iterable[Example]) -> _Tokens:
        """Lay the sequences of the examples end to end."""
        pairs = [(example.id, sequence) for example in examples for sequence in example.sequences]
        lengths = numpy.array([len(sequence.ids) for _, sequence in pairs], dtype=numpy.int64)
        total = int(lengths.sum())
        ids = numpy.fromiter(chain.from_iterable(sequence.ids for _, sequence in pairs), numpy.int64, total)
        mask = numpy.fromiter(chain.from_iterable(sequence.mask for _, sequence in pairs), numpy.bool_, total)
        return cls(ids, mask, lengths, lengths.cumsum() - lengths, [id for id, _ in pairs])

    def per_sequence(self, tokens: Mask) -> Ids:
        """Count the tokens chosen in each sequence."""
        return numpy.add.reduceat(tokens.astype(numpy.int64), self.starts)

    def owner(self, place: int) -> str:
        """Return the id of the record that a token belongs to."""
        return self.owners[int(numpy.searchsorted(self.starts, place, side="right")) - 1]


def lint(
    examples: Sequence[Example], objective: Objective, encoder: Encoder, *, max_length: int, cut: Collection[str] = ()
) -> dict[str, int | float]:
    """Check every example and return the figures; raises `ValueError` that names a record and what to do.

    A sequence of an example in `cut` that lost its end may lack a stop token there, and is counted.
    """
    chat, template = objective.records is not TextSet, encoder.template.name
    form = encoder.template.form()
    if chat and form.pad in form.stops and form.pad in form.assistant.closing:
        raise ValueError(
            f"template {template!r} fills batches with {form.pad!r}, which also ends an answer, so whoever masks the "
            "padding masks the stop token; give the template another `pad`"
        )
    sums: Counter[str] = Counter()
    longest, unended = 0, set(cut)
    rest = iter(examples)
    while chunk := list(islice(rest, AT_ONCE)):
        tokens = _Tokens.of(chunk)
        _check_lengths(tokens, max_length)
        if chat:
            _check_bos(tokens, encoder)
            sums["unknown_supervised"] += _check_padding(tokens, encoder)
            turns, open_turns = _check_stops(tokens, encoder, unended)
            sums["supervised_turns"] += turns
            sums["turns_without_stop"] += open_turns
        longest = max(longest, int(tokens.lengths.max()))
        sums.update(sequences=len(tokens.owners), tokens=len(tokens.ids), supervised_tokens=int(tokens.mask.sum()))
    share = round(sums["supervised_tokens"] / max(1, sums["tokens"]), 4)
    return {"examples": len(examples), **sums, "supervised_share": share, "longest": longest}


def _check_lengths(tokens: _Tokens, max_length: int) -> None:
    for number in numpy.flatnonzero(tokens.lengths > max_length)[:1].tolist():
        raise ValueError(
            f"record {tokens.owners[number]}: a sequence of {tokens.lengths[number]} tokens came through although "
            f"max_length is {max_length}; the objective must set it aside, since what is cut later is cut in silence"
        )


def _check_bos(tokens: _Tokens, encoder: Encoder) -> None:
    """Check that BOS stands at the start of each sequence and, unless it also ends turns, nowhere else."""
    if encoder.bos_id is None:
        return
    is_bos = tokens.ids == encoder.bos_id
    unlike = ~is_bos[tokens.starts]
    if encoder.bos_id not in (*encoder.stop_ids, encoder.eos_id):
        unlike |= tokens.per_sequence(is_bos) != 1
    for number in numpy.flatnonzero(unlike)[:1].tolist():
        start, length = int(tokens.starts[number]), int(tokens.lengths[number])
        count = int(is_bos[start : start + length].sum())
        raise ValueError(
            f"record {tokens.owners[number]}: expected exactly one BOS, in front, and found {count} in the "
            f"sequence; its text or the template {encoder.template.name!r} brings BOS in a second time or not at all"
        )


def _check_padding(tokens: _Tokens, encoder: Encoder) -> int:
    """Check that the padding token is never learnt; return how many supervised tokens are unknown text instead."""
    if encoder.pad_id in encoder.stop_ids:
        return 0
    places = numpy.flatnonzero((tokens.ids == encoder.pad_id) & tokens.mask)
    unknown = getattr(encoder.tokenizer.model, "unk_token", None)
    if unknown is not None and encoder.tokenizer.token_to_id(unknown) == encoder.pad_id:
        return len(places)
    for place in places[:1].tolist():
        raise ValueError(
            f"record {tokens.owner(place)}: the padding token is supervised, so the model would learn to write it; "
            f"look for it in the record's answer, or give the template {encoder.template.name!r} another `pad`"
        )
    return 0


def _check_stops(tokens: _Tokens, encoder: Encoder, cut: Collection[str]) -> tuple[int, int]:
    """Check that each run of supervised tokens ends in a stop token; return the runs, and those that were cut off.

    Behind the stop token may stand what the template adds to a closed turn, where that is supervised as well.
    """
    form, places = encoder.template.form(), numpy.arange(len(tokens.ids))
    tail = len(encoder.tokenizer.encode(form.assistant.after, add_special_tokens=False).ids)
    first, last = numpy.zeros(len(places), dtype=bool), numpy.zeros(len(places), dtype=bool)
    first[tokens.starts], last[tokens.starts + tokens.lengths - 1] = True, True
    begins = tokens.mask & (first | ~numpy.roll(tokens.mask, 1))
    ends = numpy.flatnonzero(tokens.mask & (last | ~numpy.roll(tokens.mask, -1)))
    began = numpy.maximum.accumulate(numpy.where(begins, places, -1))[ends]
    stops = tokens.mask & numpy.isin(tokens.ids, encoder.stop_ids)
    stopped = numpy.maximum.accumulate(numpy.where(stops, places, -1))[ends]
    open_turns = 0
    for end in ends[(stopped < began) | (ends - stopped > tail)].tolist():
        if not (last[end] and tokens.owner(end) in cut):
            raise ValueError(
                f"record {tokens.owner(end)}: an assistant turn does not end in a supervised stop token (one of "
                f"{', '.join(form.stops)}), so the model would not learn to stop; "
                f"look at the record's last turn and at the mask the objective gives it"
            )
        open_turns += 1
    return len(ends), open_turns


def lint_batches(steps: StepDataset, count: int = FIRST_STEPS) -> dict[str, int | float]:
    """Lay the first steps and check that exactly the supervised tokens of their records are learnt, each in its place.

    Returns the figures; raises `ValueError` that names the records of a step whose batches hold something else.
    """
    supervised = tokens = places = 0
    for number in range(min(count, len(steps))):
        step = steps[number]
        if not step.micro:
            continue
        examples = {steps.work.examples[index].id: steps.work.examples[index] for index in steps.steps[number]}
        expected = Counter(_pairs(s) for id in step.ids for s in examples[id].sequences)
        found = Counter(chain.from_iterable(map(_laid, step.micro)))
        if found != expected:
            raise ValueError(
                f"step {number + 1}: its batches do not supervise what its records hold; "
                f"this is a mistake in how they are laid out, please report it. Records: {', '.join(step.ids)}"
            )
        supervised += sum(len(batch.target_N) for batch in step.micro)
        tokens += sum(batch.tokens for batch in step.micro)
        places += sum(batch.input_ids_BT.numel() for batch in step.micro)
    return {"supervised": supervised, "laid": tokens, "padding": places - tokens}


_Pairs = tuple[tuple[int, int], ...]
"""(token in front, supervised token) of a sequence."""


def _pairs(sequence: Encoded) -> _Pairs:
    supervised = zip(pairwise(sequence.ids), sequence.mask[1:], strict=True)
    return tuple(pair for pair, counts in supervised if counts)


def _laid(batch: Batch) -> Iterator[_Pairs]:
    """Yield the pairs of each sequence of a batch; a place that is padding predicts nothing right."""
    rows, columns = batch.row_N, batch.column_N
    before = batch.input_ids_BT[rows, columns]
    if batch.attention_mask_BT is not None:
        before = before.masked_fill(batch.attention_mask_BT[rows, columns] == 0, -1)
    found: list[list[tuple[int, int]]] = [[] for _ in range(batch.num_sequences)]
    for sequence, left, right in zip(batch.sequence_N.tolist(), before.tolist(), batch.target_N.tolist(), strict=True):
        found[sequence].append((left, right))
    yield from map(tuple, found)
