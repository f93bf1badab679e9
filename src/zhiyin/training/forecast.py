"""What `zhiyin explain` says of a training before it runs: weights, memory, tokens, steps, and what is set aside."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import torch

from zhiyin.artifacts import PreferenceSet, RecordSet
from zhiyin.chat.template import load_encoder
from zhiyin.execution.runtime import Runtime
from zhiyin.locale.words import retell, say
from zhiyin.training.adapters import Method
from zhiyin.training.batches import plan_steps
from zhiyin.training.layout import Layout
from zhiyin.training.memory import Parts, Rehearsal, Row
from zhiyin.training.overlength import Intake, take_in
from zhiyin.weights.foreseen import Foreseen, foreseen
from zhiyin.weights.load import pick_device

MOST_READ = 20_000
"""Records encoded at most; of a larger set every n-th one, and the figures are said to be about so much."""
MOST_LAID = 2_000
"""Examples laid out in rows at most."""
SAFE = 0.9
"""Share of the free memory that a training may take."""

UNKNOWN = (ImportError, LookupError, AttributeError, TypeError, ValueError, RuntimeError)
"""What the code of a model may raise that does not run on tensors without contents; the plan is shown all the same."""

Config = Any
"""The config of a training step, whose module imports this one."""


@dataclass(frozen=True)
class Records:
    """What a set of records will be in training."""

    examples: int
    tokens: int
    """In one epoch, as laid: without padding, a beginning in common once."""
    steps: int
    largest: Row
    """The forward pass with the most tokens."""
    accumulates: bool
    """Whether a step has several forward passes."""
    aside: Mapping[str, int]
    """Source to records set aside, or cut."""
    sampled: bool
    """Whether only a part was read, so that the counts are estimates."""


@dataclass(frozen=True)
class _Every:
    """Every n-th record of a set."""

    records: RecordSet[Any]
    n: int

    @property
    def path(self) -> Path:
        return self.records.path

    def __iter__(self) -> Iterator[Any]:
        return (record for number, record in enumerate(self.records) if number % self.n == 0)


def forecast(config: Config, inputs: Mapping[str, Any], runtime: Runtime) -> Iterator[str]:
    """Yield lines in the reader's language; `inputs` holds artifacts, or what the steps that make them foresee."""
    model, data = foreseen(inputs["model"]), inputs["data"]
    records = None
    if model and model.tokenizer and isinstance(data, RecordSet):
        try:
            records = read(config, data, int(data.manifest.summary["records"]), model.tokenizer, runtime)
        except ValueError as error:  # the training would end with it; here it is said, and the rest of the plan shown
            yield retell(str(error))
    if model is None:
        yield say("parameters and memory: known once there is a model")
    else:
        try:
            yield from _of_model(config, model, records, isinstance(data, PreferenceSet), runtime)
        except UNKNOWN as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            yield say("memory: not known, since this model could not be rehearsed: {reason}", reason=retell(reason))
    yield from _of_records(records)


def read(config: Config, data: RecordSet[Any], held: int, tokenizer: Path, runtime: Runtime) -> Records:
    """Encode the `held` records and lay them out as the training will.

    Raises `ValueError` when no record can be learnt from.
    """
    encoder = load_encoder(tokenizer)
    n = math.ceil(held / MOST_READ)
    source = cast("Any", data if n == 1 else _Every(data, n))
    truncate = config.guards.overlength == "truncate"
    taken = take_in(source, config.objective, encoder, max_length=config.max_length, truncate=truncate)
    sizes = [sum(len(sequence.ids) for sequence in example.sequences) for example in taken.examples]
    plan = partial(plan_steps, batch_size=config.batch_size, batch_tokens=config.batch_tokens, seed=config.seed)
    layout = Layout(runtime.micro_batch_tokens, encoder.pad_id, share=not config.adapter.random)
    parts: list[tuple[int, int]] = []
    several = laid = 0
    for step in plan(sizes, epochs=1):
        # Of several processes the first: each gets about as many tokens.
        mine = step[:: runtime.num_processes]
        batches = [batch for batch, _ in layout.batches([taken.examples[index] for index in mine])]
        parts += [(batch.tokens, len(set(batch.column_N.tolist()))) for batch in batches]
        several, laid = max(several, len(batches)), laid + len(step)
        if laid >= MOST_LAID:
            break
    largest, longest = max(parts), max(len(s.ids) for example in taken.examples for s in example.sequences)
    tokens = sum(tokens for tokens, _ in parts) * runtime.num_processes * len(sizes) * n // laid
    row = Row(largest[0], min(longest, largest[0]), min(1.0, largest[1] / largest[0]))
    return Records(
        len(taken.examples) * n,
        tokens,
        len(plan(sizes * n, epochs=config.num_train_epochs)),
        row,
        several > 1,
        {source: number * n for source, number in _aside(taken).items()},
        sampled=n > 1 or laid < len(sizes) or runtime.num_processes > 1,
    )


def _aside(taken: Intake) -> Counter[str]:
    """Count the records set aside or cut, by source."""
    ids = [*(row.where for row in taken.rejected), *taken.cut]
    return Counter(taken.sources.get(id, "") or say("unnamed") for id in ids)


@lru_cache(maxsize=8)
def _rehearsal(shape: str, method: Method, dtype: str, **more: Any) -> Rehearsal:
    """Return one rehearsal for all trainings of the same shapes."""
    return Rehearsal(json.loads(shape), method, dtype, **more)


def _of_model(config: Config, model: Foreseen, records: Records | None, pairs: bool, runtime: Runtime) -> Iterator[str]:
    device = pick_device(runtime.device)
    shape = json.dumps(model.shape, sort_keys=True)
    control_ids = tuple(load_encoder(model.tokenizer).control_ids) if model.tokenizer else (0,)
    again = runtime.activation_checkpointing
    rehearsal = _rehearsal(shape, config.adapter, config.dtype, control_ids=control_ids, checkpointing=again)
    counts = rehearsal.counts()
    yield say("parameters: {all}, of which {trained} are trained", all=f"{counts.all:,}", trained=f"{counts.trained:,}")
    step = config.batch_tokens or config.batch_size * config.max_length * (2 if pairs else 1)
    step //= runtime.num_processes
    worst = Row(min(runtime.micro_batch_tokens, max(step, config.max_length)), config.max_length)
    row, accumulates = worst, step > runtime.micro_batch_tokens
    if records:
        row, accumulates = records.largest, records.accumulates
    parts = rehearsal.parts(row, device, accumulates=accumulates)
    yield say(
        "memory: {total} at its peak on {device}, with {tokens} tokens in one forward pass:",
        total=gibibytes(parts.total),
        device=device,
        tokens=f"{row.tokens:,}",
    )
    yield "    " + say(
        "weights {weights}, adapter {adapter}, gradients and optimiser {optimiser},",
        weights=gibibytes(parts.weights),
        adapter=gibibytes(parts.adapter),
        optimiser=gibibytes(parts.optimiser),
    )
    yield "    " + say(
        "activations {activations}, logits {vocabulary}, everything else {fixed}",
        activations=gibibytes(parts.activations),
        vocabulary=gibibytes(parts.vocabulary),
        fixed=gibibytes(parts.fixed),
    )
    free = free_memory(device) // (runtime.num_processes if device == "cpu" else 1)
    yield _micro_batch(rehearsal, Row(row.tokens, row.length, row.supervised), parts, device, free)


def _micro_batch(rehearsal: Rehearsal, row: Row, parts: Parts, device: str, free: int) -> str:
    tokens = largest_row(rehearsal, row, device, int(free * SAFE))
    if tokens < 1:
        return say("micro-batch: none fits into the {free} that are free", free=gibibytes(free))
    said = f"{tokens:,}"
    return say(
        "micro-batch: up to {tokens} tokens fit into the {free} that are free", tokens=said, free=gibibytes(free)
    )


def largest_row(rehearsal: Rehearsal, row: Row, device: str, memory: int) -> int:
    """Return how many tokens a forward pass may have within so many bytes, in steps of 256; 0 for none."""
    low, high = 0, 1 << 20
    while high - low > 256:
        middle = (low + high) // 2
        fits = rehearsal.parts(replace(row, tokens=middle), device).total <= memory
        low, high = (middle, high) if fits else (low, middle)
    return low // 256 * 256


def free_memory(device: str) -> int:
    """Return the bytes a training may take on this machine: of the GPU, or of main memory within its control group."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    free = [_available(Path("/proc/meminfo"))]
    group = Path("/sys/fs/cgroup")
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and used.is_file() and (most := limit.read_text().strip()) != "max":
        free.append(int(most) - int(used.read_text()))
    return max(0, min(free))


def _available(meminfo: Path) -> int:
    """Return MemAvailable of Linux; without it, half of what the machine has."""
    if meminfo.is_file():
        line = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _of_records(records: Records | None) -> Iterator[str]:
    if records is None:
        yield say("tokens and steps: known once data and tokenizer are there")
        return
    about = say("about ") if records.sampled else ""
    yield say(
        "data: {about}{tokens} tokens an epoch in {examples} examples; {steps} optimiser steps",
        about=about,
        tokens=f"{records.tokens:,}",
        examples=f"{records.examples:,}",
        steps=f"{records.steps:,}",
    )
    if records.aside:
        listed = ", ".join(f"{source} {number:,}" for source, number in sorted(records.aside.items()))
        yield say("set aside or cut: {about}{listed}", about=about, listed=listed)


def gibibytes(count: int) -> str:
    """Write bytes in powers of 1024: `2.31 GiB`, `97 MiB`."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**29 else f"{count / 2**20:.0f} MiB"
