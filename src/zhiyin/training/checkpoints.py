"""Checkpoints inside a training: all that makes an interrupted run end in the same bytes as an uninterrupted one.

Small tensors are in safetensors files, numbers in JSON; what FSDP2 cut over the processes is in a folder `shards`
that each of them writes a part of (torch.distributed.checkpoint). A checkpoint is written under a `.partial` name,
flushed, and renamed; only renamed ones are read.
"""

import hashlib
import json
import random
import shutil
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from zhiyin.execution.store import flush
from zhiyin.training.examples import Example

PREFIX = "step-"
SHARDS = "shards"


def latest(folder: Path) -> Path | None:
    """Return the newest complete checkpoint, or None."""
    found = _complete(folder)
    return found[-1] if found else None


def begin(folder: Path, step: int) -> Path:
    """Return an empty folder to write the checkpoint of that step in; one cut off before gives its room back."""
    for old in folder.glob(f"{PREFIX}*.partial"):
        shutil.rmtree(old)
    partial = folder / f"{PREFIX}{step:08d}.partial"
    partial.mkdir(parents=True)
    return partial


def finish(partial: Path, keep: int = 1) -> None:
    """Flush the files, give the checkpoint its name, then remove all but the newest `keep`."""
    for path in (*partial.rglob("*"), partial):
        flush(path)
    final = partial.with_suffix("")
    if final.exists():
        shutil.rmtree(final)
    partial.rename(final)
    flush(final.parent)
    for old in _complete(final.parent)[:-keep]:
        shutil.rmtree(old)


def _complete(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"{PREFIX}*") if not path.name.endswith(".partial"))


class Writer:
    """Writes checkpoints one at a time, at once or, with `background`, beside the training that goes on."""

    def __init__(self, *, keep: int, background: bool) -> None:
        self.keep = keep
        self._thread = ThreadPoolExecutor(1, "checkpoint") if background else None
        self._pending: Future[None] | None = None

    def begin(self, folder: Path, step: int) -> Path:
        """Return an empty folder to write the checkpoint of that step in, once the one before is finished."""
        self.wait()
        return begin(folder, step)

    def write(
        self, partial: Path, tensors: Mapping[str, Mapping[str, Tensor]], values: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Fill `partial` with a safetensors file and a JSON file for each name, and finish the checkpoint.

        In the background, from copies: the training may change every tensor and value as soon as this returns.
        """
        texts = {name: json.dumps(value) for name, value in values.items()}
        if self._thread is None:
            fill(partial, tensors, texts, self.keep)
            return
        copies = {
            name: {key: tensor.detach().to("cpu", copy=True) for key, tensor in group.items()}
            for name, group in tensors.items()
        }
        self._pending = self._thread.submit(fill, partial, copies, texts, self.keep)

    def wait(self) -> None:
        """Return when nothing is being written; raises what went wrong in the background."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()


def fill(partial: Path, tensors: Mapping[str, Mapping[str, Tensor]], texts: Mapping[str, str], keep: int) -> None:
    """Write the files of a checkpoint, and finish it."""
    for name, group in tensors.items():
        whole = {key: tensor.detach().cpu().contiguous() for key, tensor in group.items()}
        save_file(whole, partial / f"{name}.safetensors")
    for name, text in texts.items():
        (partial / f"{name}.json").write_text(text, encoding="utf-8")
    finish(partial, keep)


def plan_digest(examples: Sequence[Example], steps: Sequence[Sequence[int]]) -> str:
    """Return a hash of what each optimiser step learns from: ids, tokens and masks of its examples, in order."""
    each = [_example_digest(example) for example in examples]
    whole = hashlib.sha256()
    for step in steps:
        whole.update(b"step")
        for index in step:
            whole.update(each[index])
    return whole.hexdigest()


def _example_digest(example: Example) -> bytes:
    whole = hashlib.sha256(example.id.encode())
    for sequence in example.sequences:
        whole.update(numpy.array([len(sequence.ids), *sequence.ids, *sequence.mask], dtype=numpy.int64).tobytes())
    return whole.digest()


def check_plan(checkpoint: Path, plan: str) -> None:
    """Raise `ValueError` unless the checkpoint was written in a training of the same steps."""
    if json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))["plan"] != plan:
        raise ValueError(
            f"{checkpoint} was written while other examples, or the same in another order, were trained on; "
            f"remove {checkpoint.parent} to train from the start"
        )


def trained(model: nn.Module) -> dict[str, Tensor]:
    """Return the trained weights, that is, those that require gradients."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def load_weights(model: nn.Module, checkpoint: Path) -> None:
    """Read the trained weights back; raises `ValueError` unless exactly those names are there."""
    if (checkpoint / SHARDS).is_dir():
        _load_shards(model, None, checkpoint / SHARDS)
        return
    file = checkpoint / "weights.safetensors"
    saved, wanted = load_file(file), trained(model)
    if saved.keys() != wanted.keys():
        raise ValueError(f"{file}: holds other weights than are trained: {sorted(saved.keys() ^ wanted.keys())[:4]}")
    with torch.no_grad():
        for name, parameter in wanted.items():
            if type(parameter.data) is not type(saved[name]):
                raise ValueError(f"{file}: was written without cutting the weights; go on with parallelism ddp")
            parameter.copy_(saved[name])


def optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the optimiser's tensors, and the rest of its state as JSON values."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        plain[str(index)] = {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value
            else:
                plain[str(index)][name] = value
    return tensors, {"state": plain, "param_groups": state["param_groups"]}


def load_optimizer(model: nn.Module, optimizer: Optimizer, checkpoint: Path, rest: Mapping[str, Any]) -> None:
    """Put the optimiser back as it was; `rest` is what `optimizer_state` returned as JSON values."""
    if (checkpoint / SHARDS).is_dir():
        _load_shards(model, optimizer, checkpoint / SHARDS)
        return
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in rest["state"].items()}
    for key, tensor in load_file(checkpoint / "optimizer.safetensors").items():
        index, _, name = key.partition(".")
        state[int(index)][name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": rest["param_groups"]})


def save_shards(model: nn.Module, optimizer: Optimizer, folder: Path) -> None:
    """Write weights and optimiser of a model whose trained weights are cut; every process calls this."""
    from torch.distributed.checkpoint.state_dict import get_model_state_dict, get_optimizer_state_dict
    from torch.distributed.checkpoint.state_dict_saver import save

    save(
        {"weights": get_model_state_dict(model), "optimizer": get_optimizer_state_dict(model, optimizer)},
        checkpoint_id=folder,
    )


def _load_shards(model: nn.Module, optimizer: Optimizer | None, folder: Path) -> None:
    """Read the weights back or, where an optimiser is given, its state; cut over as many processes as there are now."""
    from torch.distributed.checkpoint import state_dict

    if optimizer is None:
        state: dict[str, Any] = {"weights": state_dict.get_model_state_dict(model)}
        _load(state, folder)
        state_dict.set_model_state_dict(model, state["weights"])
    else:
        state = {"optimizer": state_dict.get_optimizer_state_dict(model, optimizer)}
        _load(state, folder)
        state_dict.set_optimizer_state_dict(model, optimizer, state["optimizer"])


def _load(state: dict[str, Any], folder: Path) -> None:
    """Fill `state`; a process that is alone reads all shards by itself, which torch warns of."""
    from torch.distributed.checkpoint.state_dict_loader import load

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled, unavailable or uninitialized")
        load(state, checkpoint_id=folder)


def random_state() -> tuple[dict[str, Tensor], list[Any]]:
    """Return the state of every random generator of this process: torch's as tensors, the others' as JSON values."""
    tensors = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    kind, keys, position, has_gauss, cached = numpy.random.get_state(legacy=True)
    return tensors, [random.getstate(), [kind, keys.tolist(), position, has_gauss, cached]]  # type: ignore[union-attr]


def load_random(folder: Path, rank: int) -> None:
    """Put every random generator of this process back as it was; one that was not there keeps its own start."""
    others = json.loads((folder / "random.json").read_text(encoding="utf-8"))["ranks"]
    if rank >= len(others):
        return
    states = load_file(folder / "random.safetensors")
    torch.set_rng_state(states[f"{rank}.torch"])
    if f"{rank}.cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[f"{rank}.cuda"])
    (version, internal, gauss), (kind, keys, position, has_gauss, cached) = others[rank]
    random.setstate((version, tuple(internal), gauss))
    numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, cached))
