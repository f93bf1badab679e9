"""Log-probabilities of every sequence under the model before training: computed once, kept beside the checkpoints."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zhiyin.execution.progress import report
from zhiyin.execution.store import flush
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.logprobs import token_logprobs


def reference_logprobs(
    model: nn.Module, examples: Sequence[Example], *, layout: Layout, cache: Path
) -> dict[str, Tensor]:
    """Return, for each example id, the float64 log-probabilities of its sequences.

    `cache` is reused when it was written for the same token ids; the model is the step's input, which is fixed.
    """
    key = _key(examples)
    if (kept := _read(cache, key)) is not None:
        return dict(zip((example.id for example in examples), kept, strict=True))
    found: dict[str, Tensor] = {}
    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        for batch, group in layout.batches(examples):
            sums = token_logprobs(model, batch.to(device)).sums().cpu()
            for example, part in zip(group, sums.view(len(group), -1), strict=True):
                found[example.id] = part.clone()
            report(len(found), len(examples), "reference log-probabilities")
    ordered = torch.stack([found[example.id] for example in examples])
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_name(cache.name + ".partial")
    save_file({"logprobs": ordered}, partial, metadata={"key": key})
    flush(partial)
    partial.replace(cache)
    return found


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
