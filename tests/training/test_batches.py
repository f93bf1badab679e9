"""Padded, packed and one-by-one forward passes agree, and a plan of steps is what it says."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.training import attention
from zhiyin.training.batches import Batch, pack, pad, plan_steps
from zhiyin.training.logprobs import token_logprobs

Slow = Callable[[nn.Module, list[int], list[bool]], torch.Tensor]


def sequences() -> list[Encoded]:
    """Sequences of different lengths, longer than the sliding window of 8, with masks that have gaps.

    Three share a beginning of 20 tokens, two of these 40; one is there twice.
    """
    generator = torch.Generator().manual_seed(0)

    def draw(length: int) -> list[int]:
        return [int(id) for id in torch.randint(6, 300, (length,), generator=generator)]

    common, middle = draw(20), draw(20)
    ids = [draw(5), common + draw(19), common + middle + draw(12), draw(30), common + middle + draw(3)]
    found = []
    for one in [*ids, ids[1]]:
        mask = (torch.rand(len(one), generator=generator) < 0.6).tolist()
        mask[-1] = True
        found.append(Encoded(one, mask))
    return found


def laid(network: PreTrainedModel, layout: str, found: list[Encoded]) -> Batch:
    """Return the batch, with the attention it needs set in the model."""
    if layout == "pad":
        return pad(found, pad_id=0)
    attention.register()
    network.set_attn_implementation(attention.NAME)
    return pack(found, share=layout == "share")


@pytest.mark.parametrize("layout", ["pad", "pack", "share"])
def test_logprobs_and_gradients_equal_the_slow_twin(network: PreTrainedModel, slow_logprobs: Slow, layout: str) -> None:
    parameters = [p for p in network.parameters() if p.requires_grad]
    parts = [slow_logprobs(network, one.ids, one.mask) for one in sequences()]
    slow = torch.cat(parts)
    weights = torch.randn(len(slow), generator=torch.Generator().manual_seed(1))
    slow_grads = torch.autograd.grad((slow * weights).sum(), parameters)
    fast = token_logprobs(network, laid(network, layout, sequences()))
    assert fast.num_sequences == len(parts)
    assert fast.sequence_N.tolist() == [number for number, part in enumerate(parts) for _ in part]
    assert (fast.values_N - slow).abs().max() < 2e-5
    torch.testing.assert_close(fast.sums(), torch.stack([part.double().sum() for part in parts]), atol=1e-4, rtol=1e-6)
    fast_grads = torch.autograd.grad((fast.values_N * weights).sum(), parameters)
    for one, other in zip(fast_grads, slow_grads, strict=True):
        assert (one - other).norm() <= 1e-5 * max(1.0, float(other.norm()))


@pytest.mark.parametrize("layout", ["pack", "share"])
def test_a_packed_sequence_does_not_see_its_neighbour(network: PreTrainedModel, layout: str) -> None:
    first, second = sequences()[1:3]
    other = Encoded([*first.ids[:30], *(id + 1 for id in first.ids[30:])], first.mask)
    alone = token_logprobs(network, laid(network, layout, [first, second]))
    changed = token_logprobs(network, laid(network, layout, [other, second]))
    mine = alone.sequence_N == 1
    assert torch.equal(alone.sequence_N, changed.sequence_N)
    assert (alone.values_N[mine] - changed.values_N[mine]).abs().max() < 1e-6
    assert (alone.values_N[~mine] - changed.values_N[~mine]).abs().max() > 1e-3


def test_weights_go_with_their_tokens() -> None:
    first, second = Encoded([9, 8, 7], [False, True, True], [0.0, 0.5, 2.0]), Encoded([5, 6], [False, True])
    for batch in (pad([first, second], pad_id=0), pack([first, second])):
        assert batch.weight_N is not None
        assert dict(zip(batch.target_N.tolist(), batch.weight_N.tolist(), strict=True)) == {8: 0.5, 7: 2.0, 6: 1.0}
    assert pad([second], pad_id=0).weight_N is None


def test_padding_is_not_counted() -> None:
    batch = pad(sequences(), pad_id=0)
    assert batch.tokens == 5 + 39 + 52 + 30 + 43 + 39
    assert batch.input_ids_BT.shape == (6, 52)
    assert batch.to(torch.device("cpu")).tokens == batch.tokens


def test_a_packed_row_holds_every_token_that_predicts_and_a_shared_one_once() -> None:
    whole, shared = pack(sequences(), share=False), pack(sequences(), share=True)
    # The last token of a sequence predicts nothing. Shared: 20 + 20 of three sequences, and one sequence wholly.
    assert whole.tokens == 5 + 39 + 52 + 30 + 43 + 39 - 6
    assert shared.tokens == 4 + 29 + 20 + 18 + 20 + 11 + 2


def test_the_first_token_is_never_predicted() -> None:
    batch: Batch = pad([Encoded([9, 8, 7], [True, True, False])], pad_id=0)
    assert batch.column_N.tolist() == [0]
    assert batch.target_N.tolist() == [8]


def test_every_epoch_sees_every_example_once_in_another_order() -> None:
    ten = [1] * 10
    steps = plan_steps(ten, batch_size=4, epochs=2, seed=3)
    assert [len(one) for one in steps] == [4, 4, 2, 4, 4, 2]
    first, second = list(chain(*steps[:3])), list(chain(*steps[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert steps == plan_steps(ten, batch_size=4, epochs=2, seed=3)
    assert steps != plan_steps(ten, batch_size=4, epochs=2, seed=4)
    assert len(plan_steps(ten, batch_size=5, epochs=1.5, seed=3)) == 3


def test_a_step_of_tokens_holds_as_many_examples_as_fit() -> None:
    sizes = [30, 10, 20, 90, 40, 10]
    steps = plan_steps(sizes, batch_size=1, batch_tokens=60, epochs=1, seed=0)
    (order,) = plan_steps(sizes, batch_size=6, epochs=1, seed=0)
    assert list(chain(*steps)) == order
    totals = [sum(sizes[index] for index in step) for step in steps]
    assert all(total <= 60 or len(step) == 1 for total, step in zip(totals, steps, strict=True))
    assert all(total + sizes[after[0]] > 60 for total, after in zip(totals, steps[1:], strict=False))
