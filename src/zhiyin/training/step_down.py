"""What a training does where memory does not suffice: the optimiser step is taken again, in smaller micro-batches.

A step counts only once all of its micro-batches are through. One process simply goes on. Of several, one that fails
alone would leave the others waiting for its gradients, so it ends; all start again from the last checkpoint, by
torchrun's restarts or by hand, and then find the lower number beside the checkpoints.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from zhiyin.execution.store import flush
from zhiyin.training import parallel
from zhiyin.training.batches import Batch
from zhiyin.training.work import StepBatch, Work
from zhiyin.weights.budget import Budget, tried

R = TypeVar("R")

FILE = "micro_batch_tokens.json"
ADVICE = (
    "lower max_length, learn with a smaller rank or fewer target_modules, quantise the base (adapter qlora), "
    "or take a machine with more memory"
)


def remembered(folder: Path, asked: int) -> Budget:
    """Return the budget of a training that keeps its checkpoints in `folder`: `asked`, or what an earlier run came to.

    Every lower number is written there; it no longer holds when another number is asked for.
    """
    file = folder / FILE
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    tokens = kept["tokens"] if kept.get("asked") == asked else asked

    def keep(lower: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(file.name + ".partial")
        partial.write_text(json.dumps({"asked": asked, "tokens": lower}), encoding="utf-8")
        flush(partial)
        partial.replace(file)

    return Budget(tokens, ADVICE, keep)


def take_step(
    step: StepBatch, compute: Callable[[Batch, bool, bool], R], *, work: Work, model: nn.Module, doing: str
) -> tuple[StepBatch, list[R]]:
    """Return what `compute(batch, last, counts)` makes of each pass of a step, and the step as it was cut for that.

    `compute` runs a forward pass, and in training a backward pass. Where memory does not suffice, the gradients of the
    passes before are dropped, the random generators go back to where they were (dropout draws the same), and the step
    is taken again in smaller micro-batches. `doing` names it, for people.
    """
    start = _random()
    while True:
        step = work.recut(step)
        found, failed = _passes(step, compute, model)
        if failed is None:
            return step, found
        found.clear()
        model.zero_grad(set_to_none=True)
        _set_random(start)
        examples = len(step.held[failed]) if failed < len(step.held) else 1
        tokens = (step.micro[failed] if failed < len(step.micro) else step.filler).input_ids_BT.numel()
        work.budget.lower(examples, tokens, doing)
        if dist.is_initialized():
            raise RuntimeError(
                "one of several processes ran out of memory, and cannot take its step again alone; "
                f"start the training again: it goes on from its last checkpoint, with {work.budget.tokens} tokens"
            )


def _passes(step: StepBatch, compute: Callable[[Batch, bool, bool], R], model: nn.Module) -> tuple[list[R], int | None]:
    """Return what `compute` makes of each pass, and the number of the first for which memory did not suffice."""
    passes = parallel.in_step(model, step.micro, step.filler)
    found: list[R] = []
    for number, batch in enumerate(passes):
        one = tried(compute, batch, number == len(passes) - 1, number < len(step.micro))
        if one is None:
            return found, number
        found.append(one[0])
    return found, None


def _random() -> list[Tensor]:
    """Return the state of the generators that dropout draws from."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if torch.cuda.is_available() else [])]


def _set_random(states: Sequence[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1])
