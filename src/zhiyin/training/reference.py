"""Log-probabilities of every sequence under the model before training: computed once, and kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zhiyin.artifacts import ReferenceLogProbs
from zhiyin.execution.progress import report
from zhiyin.execution.store import flush
from zhiyin.training import parallel
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.segments import laid_tokens
from zhiyin.weights.budget import Budget, Part, in_parts

FILE = "reference.safetensors"


def reference_logprobs(
    model: nn.Module, examples: Sequence[Example], *, layout: Layout, budget: Budget | None = None, cache: Path
) -> dict[str, Tensor]:
    """Return, for each example id, the float64 log-probabilities of its sequences.

    `cache` is reused when it was written for the same token ids; the model is the step's input, which is fixed. Of
    several processes each computes its share.
    """
    budget = budget or Budget(layout.tokens)
    key = _key(examples)
    kept = _read(cache, key)
    everywhere = all(parallel.from_all(kept is not None))
    if kept is not None and everywhere:
        return dict(zip((example.id for example in examples), kept, strict=True))
    rank, processes = parallel.place()
    sizes = [laid_tokens(example.sequences, share=layout.share) for example in examples]
    mine = [examples[number] for number in parallel.share(sizes, processes)[rank]]
    parts = parallel.from_all(_computed(model, mine, layout, budget))
    found = {id: sums for part in parts for id, sums in part.items()}
    if rank == 0:
        _write(cache, key, torch.stack([found[example.id] for example in examples]))
    return found


def save(out: Path, examples: Sequence[Example], found: dict[str, Tensor]) -> None:
    """Write the log-probabilities, each with a hash of the tokens it is of, as the files of an artifact."""
    keys = torch.tensor([list(_key([example]).encode()) for example in examples], dtype=torch.uint8)
    logprobs = torch.stack([found[example.id] for example in examples])
    save_file({"logprobs": logprobs, "keys": keys}, out / FILE)


def kept_logprobs(reference: ReferenceLogProbs, examples: Sequence[Example]) -> dict[str, Tensor]:
    """Return, for each example id, the log-probabilities that `reference` holds.

    Raises `ValueError` when it does not hold the very tokens of an example.
    """
    with safe_open(reference.path / FILE, "pt") as file:
        keys = [bytes(row.tolist()).decode() for row in file.get_tensor("keys")]
        held = dict(zip(keys, file.get_tensor("logprobs"), strict=True))
    found = {example.id: held.get(_key([example])) for example in examples}
    missing = [id for id, value in found.items() if value is None]
    if missing:
        raise ValueError(
            f"{reference.path} lacks {len(missing)} of {len(examples)} examples, {missing[0]} among them: it must be "
            "of the same records, chat template, max_length, overlength and settings of the objective"
        )
    return {id: value for id, value in found.items() if value is not None}


def _computed(model: nn.Module, examples: Sequence[Example], layout: Layout, budget: Budget) -> dict[str, Tensor]:
    """Return the log-probabilities of these examples' sequences by the model as it is."""
    found: dict[str, Tensor] = {}
    device = next(model.parameters()).device

    def cut(left: Sequence[Example], tokens: int) -> list[Part[Example]]:
        laid = replace(layout, tokens=tokens).batches(left)
        return [Part(group, batch.input_ids_BT.numel(), batch) for batch, group in laid]

    def compute(part: Part[Example]) -> Tensor:
        return token_logprobs(model, part.laid.to(device)).sums().cpu()

    model.eval()
    with torch.no_grad():
        for part, sums in in_parts(examples, cut, compute, budget, "reference log-probabilities"):
            for example, own in zip(part.items, sums.view(len(part.items), -1), strict=True):
                found[example.id] = own.clone()
            report(len(found), len(examples), "reference log-probabilities")
    return found


def _write(cache: Path, key: str, ordered: Tensor) -> None:
    """Write the log-probabilities of all examples, in their order; the file is whole or not there."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_name(cache.name + ".partial")
    save_file({"logprobs": ordered}, partial, metadata={"key": key})
    flush(partial)
    partial.replace(cache)


def _key(examples: Sequence[Example]) -> str:
    """Hash the ids and masks of every sequence, in order."""
    whole = hashlib.sha256()
    for example in examples:
        for sequence in example.sequences:
            whole.update(f"{example.id}\0{sequence.ids}{sequence.mask}".encode())
    return whole.hexdigest()


def _read(cache: Path, key: str) -> list[Tensor] | None:
    if not cache.is_file():
        return None
    with safe_open(cache, "pt") as file:
        return list(file.get_tensor("logprobs")) if file.metadata().get("key") == key else None
