"""Several processes on one training: who computes what, sharded weights (FSDP2), and when gradients travel.

Two ways, a setting of the machine and never of the result: `ddp` keeps the model whole in every process and averages
gradients; `fsdp2` cuts the weights over the processes and puts a layer together only while it runs.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn

from zhiyin.training.batches import Batch

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel

T = TypeVar("T")


def share(sizes: Sequence[int], processes: int) -> list[list[int]]:
    """Deal out pieces of work of these sizes: for each process their numbers, rising.

    Longest first, each to the process with the least so far, the first of them on a tie (Graham 1969, SIAM J. Appl.
    Math. 17(2): at most 4/3 of the best). It depends on nothing but the sizes, so every process finds the same.
    """
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for piece in sorted(range(len(sizes)), key=lambda piece: (-sizes[piece], piece)):
        least = loads.index(min(loads))
        shares[least].append(piece)
        loads[least] += sizes[piece]
    return [sorted(pieces) for pieces in shares]


def take_device(device: str) -> None:
    """Make `cuda` mean the device that is this process's own when torchrun started several on one machine."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def place() -> tuple[int, int]:
    """Return the rank of this process, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def from_all(value: T) -> list[T]:
    """Return what each process gave, in the order of their ranks; any value that can be pickled."""
    if not dist.is_initialized():
        return [value]
    given: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(given, value)
    return given


def shard(network: "PreTrainedModel") -> None:
    """Cut the weights over all processes, in place: each decoder layer is one unit, all the rest another.

    The rest (embeddings, last norm, output layer) stays together from the forward pass to the end of the backward
    pass, so the loss may read the output layer's weight. Where most weights are frozen, the trained ones are small
    and stay whole in every process: what a method does with them after a step needs no communication, and their
    checkpoint is the same as without sharding. Quantised weights stay whole too.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    inner: Any = network
    inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    weights = list(network.parameters())
    trained = {weight for weight in weights if weight.requires_grad}
    whole = {weight for weight in weights if not weight.is_floating_point()}
    if len(trained) < len(weights):
        whole |= trained
    mesh = init_device_mesh(inner.device.type, (dist.get_world_size(),))
    kinds = set(inner._no_split_modules or ())
    for layer in [module for module in network.modules() if type(module).__name__ in kinds]:
        fully_shard(layer, mesh=mesh, ignored_params=whole)
    fully_shard(cast("nn.Module", network), mesh=mesh, ignored_params=whole)
    register_fsdp_forward_method(network, "generate")
    # The Trainer then leaves placing and wrapping alone, and averages the gradients of the whole weights.
    inner._is_distributed_loading_by_transformers = True


def sharded(network: nn.Module) -> bool:
    """Return whether the weights are cut over the processes."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(network, FSDPModule)


def in_step(model: nn.Module, own: Sequence[Batch], filler: Batch) -> list[Batch]:
    """Return the batches whose forward passes this process makes in a step: its own, and fillers where it must.

    Averaging gradients takes one pass in every process. Cut weights are put together anew for each pass, which takes
    all processes: they make as many passes as the one that has most.
    """
    passes = max(from_all(len(own))) if sharded(model) else 1
    return [*own, *[filler] * (passes - len(own))]


def settle(network: nn.Module) -> None:
    """Give back what a forward pass without a backward pass left put together, so that each process sees its part."""
    from torch.distributed.fsdp import FSDPModule

    if isinstance(network, FSDPModule):
        network.reshard()


@contextmanager
def unsynced(accelerator: "Accelerator", model: nn.Module) -> Iterator[None]:
    """Let the backward passes inside add to this process's gradients, without a word to the others."""
    from torch.distributed.fsdp import FSDPModule

    if not isinstance(model, FSDPModule):
        with accelerator.no_sync(model):
            yield
        return
    model.set_requires_gradient_sync(False)
    accelerator.gradient_state._set_sync_gradients(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)
        accelerator.gradient_state._set_sync_gradients(True)


def whole(network: "PreTrainedModel", load: Callable[[], "PreTrainedModel"]) -> "PreTrainedModel":
    """Return a model that can be saved, in the first process; the others must call this too.

    That is `network` itself, unless trained weights are cut: then `load` gives a model to put the whole ones into.
    """
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    if not cuts_trained(network):
        return network
    settle(network)
    state = get_model_state_dict(network, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    if dist.get_rank():
        return network
    copy = load()
    copy.load_state_dict(state)
    return copy


def cuts_trained(network: nn.Module) -> bool:
    """Return whether trained weights, not frozen ones alone, are cut over the processes."""
    from torch.distributed.tensor import DTensor

    return any(isinstance(weight.data, DTensor) for weight in network.parameters() if weight.requires_grad)
