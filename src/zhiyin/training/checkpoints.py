"""Checkpoints of a running training: tensors in safetensors, the rest in JSON, whole or not there at all.

Layout under `folder`: `step-00000120/{weights,optimizer,rng-0}.safetensors`, `state.json`, `trainer_state.json`.
A checkpoint is written under a `.partial` name, flushed, and renamed; only renamed ones are read.
"""

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from zhiyin.execution.store import flush

PREFIX = "step-"


def latest(folder: Path) -> Path | None:
    """Return the newest complete checkpoint, or None."""
    found = sorted(path for path in folder.glob(f"{PREFIX}*") if not path.name.endswith(".partial"))
    return found[-1] if found else None


def begin(folder: Path, step: int) -> Path:
    """Return an empty folder to write the checkpoint of that step in; one cut off before gives its room back."""
    for old in folder.glob(f"{PREFIX}*.partial"):
        shutil.rmtree(old)
    partial = folder / f"{PREFIX}{step:08d}.partial"
    partial.mkdir(parents=True)
    return partial


def finish(partial: Path) -> None:
    """Flush the files, give the checkpoint its name, then remove the older ones."""
    for path in (*partial.iterdir(), partial):
        flush(path)
    final = partial.with_suffix("")
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    flush(final.parent)
    for old in final.parent.glob(f"{PREFIX}*"):
        if old != final:
            shutil.rmtree(old)


def save_weights(model: nn.Module, file: Path) -> None:
    """Write the trained weights, that is, those that require gradients."""
    save_file({name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}, file)


def load_weights(model: nn.Module, file: Path) -> None:
    """Read the trained weights back; raises `ValueError` unless exactly those names are there."""
    saved = load_file(file)
    wanted = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if saved.keys() != wanted.keys():
        raise ValueError(f"{file}: holds other weights than are trained: {sorted(saved.keys() ^ wanted.keys())[:4]}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(saved[name])


def save_optimizer(optimizer: Optimizer, file: Path) -> dict[str, Any]:
    """Write the optimiser's tensors; return the rest of its state, as JSON values."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        plain[str(index)] = {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value.detach().cpu().contiguous()
            else:
                plain[str(index)][name] = value
    save_file(tensors, file)
    return {"state": plain, "param_groups": state["param_groups"]}


def load_optimizer(optimizer: Optimizer, file: Path, rest: Mapping[str, Any]) -> None:
    """Put the optimiser back as it was."""
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in rest["state"].items()}
    for key, tensor in load_file(file).items():
        index, _, name = key.partition(".")
        state[int(index)][name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": rest["param_groups"]})


def save_random(folder: Path, rank: int) -> None:
    """Write the state of every random generator of this process."""
    states = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    save_file(states, folder / f"rng-{rank}.safetensors")
    kind, keys, position, has_gauss, cached = numpy.random.get_state(legacy=True)
    others = {"python": random.getstate(), "numpy": [kind, keys.tolist(), position, has_gauss, cached]}  # type: ignore[union-attr]
    (folder / f"rng-{rank}.json").write_text(json.dumps(others), encoding="utf-8")


def load_random(folder: Path, rank: int) -> None:
    """Put every random generator of this process back as it was."""
    states = load_file(folder / f"rng-{rank}.safetensors")
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    others = json.loads((folder / f"rng-{rank}.json").read_text(encoding="utf-8"))
    version, internal, gauss = others["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, position, has_gauss, cached = others["numpy"]
    numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, cached))
