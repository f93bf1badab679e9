"""Work dealt out to processes, and weights cut over them: what one process alone can show of it.

A group of one process runs the same code as a large one, and cuts every weight into one piece.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.distributed as dist
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.training import checkpoints, parallel
from zhiyin.training.batches import Batch, pad
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.objectives.cross_entropy import CrossEntropy
from zhiyin.training.work import StepDataset, Work


@given(st.lists(st.integers(1, 1000), max_size=30), st.integers(1, 8))
def test_every_piece_is_dealt_once_and_no_process_gets_much_more_than_its_part(
    sizes: list[int], processes: int
) -> None:
    shares = parallel.share(sizes, processes)
    assert sorted(piece for pieces in shares for piece in pieces) == list(range(len(sizes)))
    loads = [sum(sizes[piece] for piece in pieces) for pieces in shares]
    least_possible = max([sum(sizes) / processes, *sizes], default=0)
    assert max(loads) <= least_possible + max(sizes, default=0)
    assert max(loads) - min(loads) <= max(sizes, default=0)


def test_the_longest_goes_first_and_a_tie_goes_to_the_first_process() -> None:
    assert parallel.share([3, 9, 2, 8, 4], 2) == [[0, 1, 2], [3, 4]]
    assert parallel.share([5, 5, 5, 5], 2) == [[0, 2], [1, 3]]
    assert parallel.share([7], 3) == [[0], [], []]
    assert parallel.share([3, 1, 2], 1) == [[0, 1, 2]]


def dataset(lengths: list[int], rank: int, processes: int) -> StepDataset:
    """Return one step over examples of these lengths, every token but the first supervised."""
    examples = [
        Example(str(n), (Encoded([n + 1] * length, [False] + [True] * (length - 1)),))
        for n, length in enumerate(lengths)
    ]
    work = Work(CrossEntropy(), examples, {}, Layout(tokens=16, pad_id=0, packed=False, share=False))
    return StepDataset(work, [range(len(lengths))], rank, processes)


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_the_processes_together_have_the_whole_step_and_agree_on_what_it_is(processes: int) -> None:
    lengths = [3, 15, 4, 9, 2]
    parts = [dataset(lengths, rank, processes)[0] for rank in range(processes)]
    assert sorted(id for part in parts for id in part.ids) == ["0", "1", "2", "3", "4"]
    assert sum(batch.tokens for part in parts for batch in part.micro) == sum(lengths)
    assert {(part.units, part.examples, part.tokens) for part in parts} == {(sum(lengths) - 5, 5, parts[0].tokens)}
    assert [len(part.micro) > 0 for part in parts] == [bool(part.ids) for part in parts]
    assert processes == 1 or {part.filler.tokens for part in parts} == {2}


def test_a_process_without_work_takes_part_with_a_filler(small: PreTrainedModel) -> None:
    own, filler = pad([Encoded([1, 2], [False, True])], 0), pad([Encoded([3, 4], [False, True])], 0)
    assert parallel.in_step(small, [own, own], filler) == [own, own]
    assert parallel.in_step(small, [], filler) == [filler]


def test_under_cut_weights_all_make_as_many_passes_as_the_busiest(
    small: PreTrainedModel, group: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, filler = pad([Encoded([1, 2], [False, True])], 0), pad([Encoded([3, 4], [False, True])], 0)
    monkeypatch.setattr(parallel, "from_all", lambda passes: [passes, 3])
    assert parallel.in_step(small, [own], filler) == [own]
    parallel.shard(small)
    assert parallel.in_step(small, [own], filler) == [own, filler, filler]
    assert parallel.in_step(small, [own] * 4, filler) == [own] * 4


def test_alone_there_is_nobody_else() -> None:
    assert parallel.place() == (0, 1)
    assert parallel.from_all("x") == ["x"]


@pytest.mark.parametrize(("device", "expected"), [("cuda", [3]), ("cpu", [])])
def test_each_process_takes_the_device_of_its_own_number(
    monkeypatch: pytest.MonkeyPatch, device: str, expected: list[int]
) -> None:
    taken: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    parallel.take_device(device)
    assert taken == []
    monkeypatch.setenv("LOCAL_RANK", "3")
    parallel.take_device(device)
    assert taken == expected


@pytest.fixture
def small(network: nn.Module) -> PreTrainedModel:
    """Return a Gemma-2 and a Llama, no weight of which is neutral."""
    return cast("PreTrainedModel", network)


@pytest.fixture
def group() -> Iterator[None]:
    """Be a group of one process."""
    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


def adapted(model: PreTrainedModel) -> Any:
    """Return the model under an adapter that changes it."""
    return get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))


def batch() -> Batch:
    """Return two sequences; the last token of the first predicts nothing."""
    first, second = Encoded([5, 9, 7, 30, 12], [False, False, True, True, True]), Encoded([8, 6], [False, True])
    return pad([first, second], 0)


def loss(model: Any) -> Tensor:
    """Return the loss as the trainer computes it: the output layer's weight is read outside of the forward pass."""
    return -token_logprobs(model, batch()).values_N.sum()


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Return every gradient whole."""
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: grad.full_tensor() if isinstance(grad, DTensor) else grad for name, grad in found.items()}


@pytest.mark.parametrize("adapter", [True, False])
def test_cut_weights_give_the_gradients_of_whole_ones(small: PreTrainedModel, group: None, adapter: bool) -> None:
    model: Any = adapted(small) if adapter else small.requires_grad_(True)
    twin = copy.deepcopy(model)
    parallel.shard(model)
    kinds = {(isinstance(p.data, DTensor), p.requires_grad) for p in model.parameters()}
    assert kinds == ({(True, False), (False, True)} if adapter else {(True, True)})
    assert parallel.sharded(model)
    assert parallel.cuts_trained(model) is not adapter
    accelerator = Accelerator(cpu=True)
    with parallel.unsynced(accelerator, model):
        loss(model).backward()
        assert not accelerator.sync_gradients
    loss(model).backward()
    assert accelerator.sync_gradients
    (2 * loss(twin)).backward()
    found, expected = gradients(model), gradients(twin)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_after_a_pass_without_gradients_every_weight_is_cut_again(small: PreTrainedModel, group: None) -> None:
    parallel.shard(small.requires_grad_(True))
    with torch.no_grad():
        loss(small)
    assert not all(isinstance(p.data, DTensor) for p in small.parameters())
    parallel.settle(small)
    assert all(isinstance(p.data, DTensor) for p in small.parameters())


def test_a_cut_model_is_saved_whole(small: PreTrainedModel, group: None) -> None:
    expected = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    blank = copy.deepcopy(small)
    with torch.no_grad():
        for parameter in blank.parameters():
            parameter.zero_()
    parallel.shard(small.requires_grad_(True))
    whole = parallel.whole(small, lambda: blank)
    assert whole is blank
    assert {name: torch.equal(tensor, expected[name]) for name, tensor in whole.state_dict().items()} == dict.fromkeys(
        expected, True
    )


def test_an_uncut_model_is_saved_as_it_is(small: PreTrainedModel, group: None) -> None:
    def never() -> PreTrainedModel:
        raise AssertionError("nothing needs to be loaded")

    assert parallel.whole(small, never) is small
    model = adapted(small)
    parallel.shard(model)
    assert parallel.whole(model, never) is model


def trained_a_little(model: PreTrainedModel) -> torch.optim.Optimizer:
    """Take two steps; return the optimiser, whose schedule has just changed its rate."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
    optimizer.param_groups[0]["lr"] = 3e-3
    return optimizer


def after_one_more_step(model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Take it; return every weight whole."""
    optimizer.zero_grad()
    loss(model).backward()
    optimizer.step()
    weights = {name: p.detach() for name, p in model.named_parameters()}
    return {name: p.full_tensor() if isinstance(p, DTensor) else p for name, p in weights.items()}


@pytest.mark.parametrize("cut_again", [True, False])
def test_shards_are_read_back_bit_for_bit_also_by_an_uncut_model_of_one_process(
    small: PreTrainedModel, group: None, tmp_path: Path, cut_again: bool
) -> None:
    fresh = copy.deepcopy(small.requires_grad_(True))
    parallel.shard(small)
    optimizer = trained_a_little(small)
    checkpoints.save_shards(small, optimizer, tmp_path / checkpoints.SHARDS)
    expected = after_one_more_step(small, optimizer)
    if cut_again:
        parallel.shard(fresh)
    else:
        dist.destroy_process_group()
    other = torch.optim.AdamW(fresh.parameters(), lr=1e-2)
    checkpoints.load_weights(fresh, tmp_path)
    checkpoints.load_optimizer(fresh, other, tmp_path, {})
    found = after_one_more_step(fresh, other)
    assert {name for name in expected if not torch.equal(found[name], expected[name])} == set()


def test_a_checkpoint_of_uncut_weights_is_not_read_into_cut_ones(
    small: PreTrainedModel, group: None, tmp_path: Path
) -> None:
    small.requires_grad_(True)
    weights = checkpoints.trained(small)
    checkpoints.fill(checkpoints.begin(tmp_path, 1), {"weights": weights}, {}, keep=1)
    parallel.shard(small)
    with pytest.raises(ValueError, match=r"weights\.safetensors: was written without cutting the weights; go on with"):
        checkpoints.load_weights(small, tmp_path / "step-00000001")
