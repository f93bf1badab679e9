"""Padded, packed and one-by-one forward passes agree, and a plan of steps is what it says."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch
from torch import nn

from zhiyin.chat.encode import Encoded
from zhiyin.training.batches import Batch, micro_batches, pack, pad, plan_steps
from zhiyin.training.examples import Example
from zhiyin.training.logprobs import token_logprobs

Slow = Callable[[nn.Module, list[int], list[bool]], torch.Tensor]


def sequences() -> list[Encoded]:
    """Four sequences of different lengths, longer than the sliding window of 8, with masks that have gaps."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for length in (5, 19, 12, 30):
        ids = torch.randint(6, 300, (length,), generator=generator).tolist()
        mask = (torch.rand(length, generator=generator) < 0.6).tolist()
        mask[-1] = True
        found.append(Encoded(ids, mask))
    return found


@pytest.mark.parametrize("layout", ["pad", "pack"])
def test_logprobs_and_gradients_equal_the_slow_twin(network: nn.Module, slow_logprobs: Slow, layout: str) -> None:
    batch = pad(sequences(), pad_id=0) if layout == "pad" else pack(sequences())
    fast = token_logprobs(network, batch)
    parts = [slow_logprobs(network, one.ids, one.mask) for one in sequences()]
    slow = torch.cat(parts)
    assert fast.num_sequences == 4
    assert (fast.values_N - slow).abs().max() < 2e-5
    torch.testing.assert_close(fast.sums(), torch.stack([part.double().sum() for part in parts]), atol=1e-4, rtol=1e-6)
    weights = torch.randn(len(slow), generator=torch.Generator().manual_seed(1))
    parameters = [p for p in network.parameters() if p.requires_grad]
    fast_grads = torch.autograd.grad((fast.values_N * weights).sum(), parameters)
    slow_grads = torch.autograd.grad((slow * weights).sum(), parameters)
    for one, other in zip(fast_grads, slow_grads, strict=True):
        assert (one - other).norm() <= 1e-5 * max(1.0, float(other.norm()))


def test_a_packed_sequence_does_not_see_its_neighbour(network: nn.Module) -> None:
    first, second = sequences()[1:3]
    other = Encoded([id + 1 for id in first.ids], first.mask)
    alone = token_logprobs(network, pack([first, second]))
    changed = token_logprobs(network, pack([other, second]))
    mine = alone.sequence_N == 1
    assert torch.equal(alone.sequence_N, changed.sequence_N)
    assert (alone.values_N[mine] - changed.values_N[mine]).abs().max() < 1e-6
    assert (alone.values_N[~mine] - changed.values_N[~mine]).abs().max() > 1e-3


def test_padding_is_not_counted() -> None:
    batch = pad(sequences(), pad_id=0)
    assert batch.tokens == 5 + 19 + 12 + 30
    assert batch.input_ids_BT.shape == (4, 30)
    assert batch.to(torch.device("cpu")).tokens == batch.tokens
    assert pack(sequences()).tokens == batch.tokens


def test_the_first_token_is_never_predicted() -> None:
    batch: Batch = pad([Encoded([9, 8, 7], [True, True, False])], pad_id=0)
    assert batch.column_N.tolist() == [0]
    assert batch.target_N.tolist() == [8]


def test_every_epoch_sees_every_example_once_in_another_order() -> None:
    steps = plan_steps(10, batch_size=4, epochs=2, seed=3)
    assert [len(one) for one in steps] == [4, 4, 2, 4, 4, 2]
    first, second = list(chain(*steps[:3])), list(chain(*steps[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert steps == plan_steps(10, batch_size=4, epochs=2, seed=3)
    assert steps != plan_steps(10, batch_size=4, epochs=2, seed=4)
    assert len(plan_steps(10, batch_size=5, epochs=1.5, seed=3)) == 3


def test_micro_batches_hold_the_budget_and_every_example() -> None:
    examples = [Example(str(i), (Encoded([1] * n, [True] * n),)) for i, n in enumerate((3, 50, 8, 9, 30, 4))]
    groups = micro_batches(examples, tokens=40)
    assert sorted(one.id for group in groups for one in group) == ["0", "1", "2", "3", "4", "5"]
    for group in groups:
        padded = len(group) * max(len(one.sequences[0].ids) for one in group)
        assert padded <= 40 or len(group) == 1
    assert len(groups) < len(examples)
