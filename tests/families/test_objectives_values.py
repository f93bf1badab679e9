"""Every loss by its formula: numbers worked out by hand, and values and gradients of a plain twin, token by token."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from zhiyin.execution.catalog import make
from zhiyin.training.kto import kto_loss
from zhiyin.training.logprobs import LossSum, TokenLogProbs
from zhiyin.training.objectives import Objective, counts, margin_loss

# Two pairs: answers of 2, 1, 3 and 2 tokens, with what the reference model gives them.
ANSWERS = ((-0.5, -1.0), (-1.5,), (-0.25, -2.0, -0.75), (-1.0, -0.5))
REFERENCES = (-1.0, -2.0, -4.0, -1.0)
# Sums -1.5, -1.5, -3, -1.5; means -0.75, -1.5, -1, -0.75; log-ratios -0.5, 0.5, 1, -0.5.

BY_HAND: list[tuple[dict[str, Any], float]] = [
    # Margins of 0.5 times the log-ratios: -0.5 and 0.75.
    ({"name": "dpo", "beta": 0.5}, math.log(1 + math.exp(0.5)) + math.log(1 + math.exp(-0.75))),
    (
        {"name": "dpo", "beta": 0.5, "label_smoothing": 0.2},
        math.log(1 + math.exp(0.5)) + math.log(1 + math.exp(-0.75)) + 0.2 * (-0.5 + 0.75),
    ),
    ({"name": "dpo", "beta": 0.5, "loss_type": "hinge"}, 1.5 + 0.25),
    ({"name": "dpo", "beta": 2, "loss_type": "hinge"}, 3.0 + 0.0),
    # Log-ratios a token: -1/4, 1/2 and 1/3, -1/4; the margin aimed at is 1.
    ({"name": "dpo", "beta": 0.5, "loss_type": "ipo"}, (-0.75 - 1) ** 2 + (7 / 12 - 1) ** 2),
    # Differences of the means: 0.75 and -0.25; less gamma / beta, times beta: 1 and -1; 0.8 and -1.2.
    ({"name": "simpo"}, math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))),
    ({"name": "simpo", "gamma": 0.7}, math.log(1 + math.exp(-0.8)) + math.log(1 + math.exp(1.2))),
    ({"name": "simpo", "loss_type": "hinge", "gamma_beta_ratio": 0.1}, 0.0 + 1.7),
    (
        {"name": "simpo", "label_smoothing": 0.1},
        math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1)) + 0.1 * (1 - 1),
    ),
    ({"name": "simpo", "preset": "gemma2-instruct"}, math.log(1 + math.exp(-2.5)) + math.log(1 + math.exp(7.5))),
    # Odds are 1 / (exp(-mean) - 1).
    (
        {"name": "orpo", "beta": 0.5},
        0.5 * math.log(1 + (math.exp(0.75) - 1) / (math.exp(1.5) - 1))
        + 0.5 * math.log(1 + (math.exp(1.0) - 1) / (math.exp(0.75) - 1)),
    ),
    ({"name": "causal_lm"}, 7.5),
    ({"name": "cross_entropy"}, 7.5),
]


def tokens(values_N: Tensor, weight_N: Tensor | None = None) -> TokenLogProbs:
    """Wrap the token log-probabilities of the four answers."""
    sequence_N = torch.tensor([number for number, answer in enumerate(ANSWERS) for _ in answer])
    return TokenLogProbs(values_N, sequence_N, 4, torch.tensor(REFERENCES, dtype=torch.float64), weight_N)


def flat() -> Tensor:
    return torch.tensor([value for answer in ANSWERS for value in answer])


def loss(config: dict[str, Any]) -> LossSum:
    return make(Objective, config).loss(tokens(flat()))


@pytest.mark.parametrize(("config", "expected"), BY_HAND, ids=lambda value: str(value))
def test_the_value_is_the_one_computed_by_hand(config: dict[str, Any], expected: float) -> None:
    assert float(loss(config).total) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["dpo", "simpo", "orpo"])
def test_the_cross_entropy_beside_it_is_that_of_the_chosen_answers(name: str) -> None:
    config = {"name": name} if name == "orpo" else {"name": name, "sft_weight": 0.3}
    found = loss(config)
    weight = 1.0 if name == "orpo" else 0.3
    assert found.per_token is not None
    assert float(found.per_token) == pytest.approx(weight * 4.5)
    assert {name: float(value) for name, value in found.token_metrics.items()} == {"sft_loss": pytest.approx(4.5)}
    if name != "orpo":
        bare = loss({"name": name})
        assert (bare.per_token, bare.token_metrics) == (None, {})
        assert float(bare.total) == float(found.total)


def test_what_is_measured_beside_the_loss() -> None:
    simpo = {name: float(value) for name, value in loss({"name": "simpo", "gamma": 1.5}).metrics.items()}
    assert simpo == {
        "rewards/chosen": 2 * (-0.75 - 1),
        "rewards/rejected": 2 * (-1.5 - 0.75),
        "rewards/margins": 2 * (0.75 - 0.25),
        "rewards/accuracies": 1.0,
        "logps/chosen": -1.75,
        "logps/rejected": -2.25,
    }
    orpo = {name: float(value) for name, value in loss({"name": "orpo", "beta": 0.5}).metrics.items()}
    assert orpo == {name: value if name[0] == "l" or "acc" in name else value / 4 for name, value in simpo.items()}
    ipo = loss({"name": "dpo", "loss_type": "ipo", "beta": 0.5}).metrics
    assert float(ipo["rewards/chosen"]) == 0.5 * (-0.5 + 1)
    assert float(ipo["logps/rejected"]) == -3.0
    assert not any(value.requires_grad for value in ipo.values())


def sigma(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()


Pair = tuple[list[Tensor], list[Tensor], float, float]
"""Token log-probabilities of the chosen and of the rejected answer, and their references."""


def dpo_twin(kind: str, beta: float, smoothing: float) -> Callable[[Pair], Tensor]:
    def one(pair: Pair) -> Tensor:
        chosen, rejected, chosen_reference, rejected_reference = pair
        better, worse = torch.stack(chosen).sum() - chosen_reference, torch.stack(rejected).sum() - rejected_reference
        if kind == "ipo":
            return (better / len(chosen) - worse / len(rejected) - 1 / (2 * beta)) ** 2
        margin = beta * (better - worse)
        if kind == "hinge":
            return torch.maximum(torch.zeros(()), 1 - margin)
        return -(1 - smoothing) * torch.log(sigma(margin)) - smoothing * torch.log(1 - sigma(margin))

    return one


def simpo_twin(kind: str, beta: float, gamma: float, smoothing: float) -> Callable[[Pair], Tensor]:
    def one(pair: Pair) -> Tensor:
        margin = beta * mean(pair[0]) - beta * mean(pair[1]) - gamma
        if kind == "hinge":
            return torch.maximum(torch.zeros(()), 1 - margin)
        return -(1 - smoothing) * torch.log(sigma(margin)) - smoothing * torch.log(1 - sigma(margin))

    return one


def orpo_twin(weight: float) -> Callable[[Pair], Tensor]:
    def one(pair: Pair) -> Tensor:
        better, worse = torch.exp(mean(pair[0])), torch.exp(mean(pair[1]))
        ratio = (better / (1 - better)) / (worse / (1 - worse))
        return -weight * torch.log(sigma(torch.log(ratio)))

    return one


TWINS: list[tuple[dict[str, Any], Callable[[Pair], Tensor], float]] = [
    ({"name": "dpo", "beta": 0.3}, dpo_twin("sigmoid", 0.3, 0), 0),
    ({"name": "dpo", "beta": 0.3, "label_smoothing": 0.2}, dpo_twin("sigmoid", 0.3, 0.2), 0),
    ({"name": "dpo", "beta": 0.3, "sft_weight": 0.7}, dpo_twin("sigmoid", 0.3, 0), 0.7),
    ({"name": "dpo", "beta": 0.3, "loss_type": "hinge", "sft_weight": 2}, dpo_twin("hinge", 0.3, 0), 2),
    ({"name": "dpo", "beta": 0.3, "loss_type": "ipo", "sft_weight": 0.5}, dpo_twin("ipo", 0.3, 0), 0.5),
    ({"name": "simpo"}, simpo_twin("sigmoid", 2, 0.5, 0), 0),
    ({"name": "simpo", "preset": "llama3-instruct"}, simpo_twin("sigmoid", 2.5, 1.375, 0), 0),
    ({"name": "simpo", "label_smoothing": 0.1, "sft_weight": 0.4}, simpo_twin("sigmoid", 2, 0.5, 0.1), 0.4),
    ({"name": "simpo", "loss_type": "hinge", "gamma": 0.9}, simpo_twin("hinge", 2, 0.9, 0), 0),
    ({"name": "orpo", "beta": 0.7}, orpo_twin(0.7), 1),
]


@pytest.mark.parametrize(("config", "twin", "sft_weight"), TWINS, ids=[str(each[0]) for each in TWINS])
@pytest.mark.parametrize("seed", range(5))
def test_value_and_gradient_are_those_of_a_plain_twin(
    config: dict[str, Any], twin: Callable[[Pair], Tensor], sft_weight: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 9, (6,), generator=generator).tolist()
    values_N = -torch.rand(sum(lengths), generator=generator, dtype=torch.float64) * 3
    references = (-torch.rand(6, generator=generator, dtype=torch.float64) * 9).tolist()

    plain = [value.clone().requires_grad_() for value in values_N]
    parts = [plain[sum(lengths[:number]) : sum(lengths[: number + 1])] for number in range(6)]
    pairs = [(parts[at], parts[at + 1], references[at], references[at + 1]) for at in (0, 2, 4)]
    chosen = [value for pair in pairs for value in pair[0]]
    expected = mean([twin(pair) for pair in pairs]) - sft_weight * mean(chosen)
    expected.backward()

    leaf = values_N.clone().requires_grad_()
    sequence_N = torch.repeat_interleave(torch.arange(6), torch.tensor(lengths))
    found = make(Objective, config).loss(
        TokenLogProbs(leaf, sequence_N, 6, torch.tensor(references, dtype=torch.float64))
    )
    total = found.total / 3
    if found.per_token is not None:
        total = total + found.per_token / len(chosen)
    total.backward()
    assert total.item() == pytest.approx(expected.item(), rel=1e-12)
    assert leaf.grad is not None
    wanted = torch.stack([torch.zeros((), dtype=torch.float64) if one.grad is None else one.grad for one in plain])
    torch.testing.assert_close(leaf.grad, wanted, rtol=1e-10, atol=1e-12)


def test_a_weighed_token_counts_so_often() -> None:
    weight_N = torch.tensor([2.0, 0.5, 1, 0, 3, 1, 1, 1])
    values = flat().requires_grad_()
    total = make(Objective, "cross_entropy").loss(tokens(values, weight_N)).total
    total.backward()
    assert total.item() == 2 * 0.5 + 0.5 * 1 + 1.5 + 0 + 3 * 2 + 0.75 + 1 + 0.5
    assert values.grad is not None
    assert values.grad.tolist() == (-weight_N).tolist()


def test_counts_include_a_sequence_at_the_end_without_tokens() -> None:
    bare = TokenLogProbs(torch.zeros(3), torch.tensor([0, 0, 1]), 3)
    assert counts(bare).tolist() == [2, 1, 0]


@pytest.mark.parametrize("loss_type", ["sigmoid", "hinge"])
def test_a_margin_far_out_has_a_finite_loss_and_gradient(loss_type: Any) -> None:
    margins_P = torch.tensor([-1000.0, 1000.0], requires_grad=True)
    losses_P = margin_loss(margins_P, loss_type)
    losses_P.sum().backward()
    assert losses_P.tolist() == [1000 + (loss_type == "hinge"), 0]
    assert margins_P.grad is not None
    assert margins_P.grad.tolist() == [-1, 0]


def test_orpo_stays_finite_when_an_answer_is_certain() -> None:
    for certain in (0.0, -1e-15, -1e-9):
        for values in ([certain, -1.0], [-1.0, certain], [certain, certain]):
            values_N = torch.tensor(values, dtype=torch.float64, requires_grad=True)
            found = make(Objective, "orpo").loss(TokenLogProbs(values_N, torch.tensor([0, 1]), 2))
            found.total.backward()
            assert values_N.grad is not None
            assert math.isfinite(found.total.item())
            assert bool(values_N.grad.isfinite().all())


RATIOS_S = torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)
GOOD_S = torch.tensor([True, False, False])


def test_kto_by_hand() -> None:
    # Less the reference point, times beta: 0.25, -0.75 and 0.75; 1 - sigma of the first and of the others turned round.
    found = kto_loss(RATIOS_S, GOOD_S, torch.tensor(0.5), beta=0.5, desirable_weight=2, undesirable_weight=3)
    expected = [2 / (1 + math.exp(0.25)), 3 / (1 + math.exp(0.75)), 3 / (1 + math.exp(-0.75))]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)
    plain = kto_loss(RATIOS_S, GOOD_S, torch.tensor(0.0))
    assert plain.tolist() == pytest.approx([1 / (1 + math.exp(x)) for x in (0.1, 0.1, -0.2)], rel=1e-12)


def test_kto_raises_good_answers_and_lowers_bad_ones_but_not_the_reference_point() -> None:
    ratios_S = RATIOS_S.clone().requires_grad_()
    point = torch.tensor(0.5, requires_grad=True)
    kto_loss(ratios_S, GOOD_S, point).sum().backward()
    assert ratios_S.grad is not None
    assert ratios_S.grad.sign().tolist() == [-1, 1, 1]
    assert point.grad is None
    with pytest.raises(ValueError, match="must be clamped at 0"):
        kto_loss(RATIOS_S, GOOD_S, torch.tensor(-0.1))
