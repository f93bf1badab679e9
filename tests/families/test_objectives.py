"""The contract of every objective: hand-computed value, sign of the gradient, and one result however it is cut."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.training.house import CAPITALS, House, build
from torch import Tensor, nn

from zhiyin.artifacts import PreferenceSet
from zhiyin.chat.template import load_encoder
from zhiyin.execution.catalog import make, names
from zhiyin.training import attention
from zhiyin.training.batches import pack, pad
from zhiyin.training.examples import Example
from zhiyin.training.logprobs import TokenLogProbs, token_logprobs
from zhiyin.training.objectives import Objective
from zhiyin.weights.load import load_model

OBJECTIVES = names(Objective)
LOGPROBS = [-0.5, -1.0, -0.25, -2.0]
"""Two sequences of two supervised tokens: -1.5 and -2.25."""

BY_HAND = {
    "causal_lm": 3.75,
    "cross_entropy": 3.75,
    # rewards 0.1 * (-1.5 + 1.0) = -0.05 and 0.1 * (-2.25 + 2.0) = -0.025; margin -0.025
    "dpo": math.log(1 + math.exp(0.025)),
    # 0.1 * -log sigma of the log-odds of exp(-0.75) less those of exp(-1.125)
    "orpo": 0.1 * math.log(1 + (math.exp(0.75) - 1) / (math.exp(1.125) - 1)),
    # means -0.75 and -1.125; 2 * (0.375 - 0.25) = 0.25
    "simpo": math.log(1 + math.exp(-0.25)),
}
CUT: dict[str, dict[str, Any]] = {
    **{name: {"name": name} for name in OBJECTIVES},
    "cross_entropy, weighed": {"name": "cross_entropy", "turn_weights": [0.5, 2]},
    "cross_entropy, prompts": {"name": "cross_entropy", "train_on_prompt": True},
    "cross_entropy, headers": {"name": "cross_entropy", "score_header": True},
    "dpo, hinge, sft": {"name": "dpo", "loss_type": "hinge", "sft_weight": 0.3},
    "dpo, ipo": {"name": "dpo", "loss_type": "ipo"},
    "simpo, smoothed, sft": {"name": "simpo", "label_smoothing": 0.1, "sft_weight": 0.3, "score_header": True},
}
"""What is cut into micro-batches in every way: each member as it comes, and settings that change what is summed."""


def test_every_objective_is_tested_here() -> None:
    assert set(OBJECTIVES) == set(BY_HAND)
    assert len(OBJECTIVES) == 5


def by_hand(values: Tensor) -> TokenLogProbs:
    """Wrap four token log-probabilities as two sequences with the references -1 and -2."""
    reference = torch.tensor([-1.0, -2.0], dtype=torch.float64)
    return TokenLogProbs(values, torch.tensor([0, 0, 1, 1]), 2, reference)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_value_is_the_one_computed_by_hand(name: str) -> None:
    loss = make(Objective, name).loss(by_hand(torch.tensor(LOGPROBS)))
    assert float(loss.total) == pytest.approx(BY_HAND[name], rel=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_gradient_raises_what_should_be_likelier(name: str) -> None:
    values = torch.tensor(LOGPROBS, requires_grad=True)
    make(Objective, name).loss(by_hand(values)).total.backward()
    assert values.grad is not None
    wanted = [-1, -1, 1, 1] if make(Objective, name).records is PreferenceSet else [-1, -1, -1, -1]
    assert values.grad.sign().tolist() == wanted


def test_dpo_metrics_and_smoothing() -> None:
    plain = make(Objective, {"name": "dpo", "beta": 0.2}).loss(by_hand(torch.tensor(LOGPROBS)))
    assert {name: round(float(value), 6) for name, value in plain.metrics.items()} == {
        "rewards/chosen": -0.1,
        "rewards/rejected": -0.05,
        "rewards/margins": -0.05,
        "rewards/accuracies": 0.0,
        "logps/chosen": -1.5,
        "logps/rejected": -2.25,
    }
    smoothed = make(Objective, {"name": "dpo", "beta": 0.2, "label_smoothing": 0.1})
    expected = 0.9 * math.log(1 + math.exp(0.05)) + 0.1 * math.log(1 + math.exp(-0.05))
    assert float(smoothed.loss(by_hand(torch.tensor(LOGPROBS))).total) == pytest.approx(expected, rel=1e-6)


def test_an_objective_that_needs_a_reference_says_so_when_there_is_none() -> None:
    bare = TokenLogProbs(torch.tensor(LOGPROBS), torch.tensor([0, 0, 1, 1]), 2)
    with pytest.raises(ValueError, match="needs reference log-probabilities"):
        make(Objective, "dpo").loss(bare)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models and records."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


def examples(house: House, objective: Objective) -> list[Example]:
    """Encode the records that the objective reads."""
    encoder = load_encoder(house.make(house.gemma).path)
    sets: dict[str, Any] = {"TextSet": house.texts, "ConversationSet": house.chats, "PreferenceSet": house.pairs}
    found = list(objective.examples(house.make(sets[objective.records.__name__]), encoder, max_length=200))
    assert all(isinstance(one, Example) for one in found)
    return [one for one in found if isinstance(one, Example)]


def gradient(
    network: nn.Module, objective: Objective, groups: list[list[Example]], *, packed: bool
) -> tuple[float, Tensor]:
    """Return loss per unit and the gradient of all weights, accumulated over the groups."""
    units = sum(objective.units(example) for group in groups for example in group)
    tokens = sum(objective.tokens(example) for group in groups for example in group)
    network.zero_grad()
    total = 0.0
    for group in groups:
        sequences = [sequence for example in group for sequence in example.sequences]
        batch = pack(sequences) if packed else pad(sequences, pad_id=0)
        found = token_logprobs(network, batch)
        lengths = [sum(sequence.mask[1:]) for sequence in sequences]
        sums = objective.loss(replace(found, reference_S=-6.0 * torch.tensor(lengths, dtype=torch.float64)))
        assert (sums.per_token is None) == (tokens == 0)
        loss = sums.total / units
        if sums.per_token is not None:
            loss = loss + sums.per_token / tokens
        loss.backward()
        total += float(loss.detach())
    return total, torch.cat(
        [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
    )


@pytest.mark.parametrize("name", CUT)
def test_packed_padded_and_accumulated_steps_have_one_loss_and_gradient(house: House, name: str) -> None:
    objective = make(Objective, CUT[name])
    found = examples(house, objective)
    network = load_model(house.make(house.gemma), device="cpu")
    whole, wanted = gradient(network, objective, [found], packed=False)
    attention.register()
    cuts = {
        "one by one": ([[one] for one in found], False),
        "in two": ([found[:2], found[2:]], False),
        "packed": ([found], True),
        "packed in two": ([found[:2], found[2:]], True),
    }
    for how, (groups, packed) in cuts.items():
        if packed:
            network.set_attn_implementation(attention.NAME)
        loss, grad = gradient(network, objective, groups, packed=packed)
        assert loss == pytest.approx(whole, rel=1e-5), how
        assert (grad - wanted).norm() <= 1e-5 * wanted.norm(), how


def test_causal_lm_loses_no_token(house: House) -> None:
    objective = make(Objective, "causal_lm")
    encoder = load_encoder(house.make(house.gemma).path)
    documents = list(house.make(house.texts))
    blocks = [one for one in objective.examples(documents, encoder, max_length=33) if isinstance(one, Example)]
    stream = [id for block in blocks for id in block.sequences[0].ids]
    expected: list[int] = []
    for document in documents:
        expected += [2, *encoder.tokenizer.encode(document.text, add_special_tokens=False).ids, 1]
    assert stream == expected
    assert {len(block.sequences[0].ids) for block in blocks[:-1]} == {33}


def test_cross_entropy_supervises_the_answers_and_their_stop(house: House) -> None:
    objective = make(Objective, "cross_entropy")
    encoder = load_encoder(house.make(house.gemma).path)
    for example, city in zip(examples(house, objective), CAPITALS.values(), strict=True):
        (sequence,) = example.sequences
        answer = [id for id, supervised in zip(sequence.ids, sequence.mask, strict=True) if supervised]
        assert encoder.tokenizer.decode(answer, skip_special_tokens=False).startswith(f"{city}。")
        assert encoder.tokenizer.decode(answer, skip_special_tokens=False).endswith("<end_of_turn>")
        assert objective.units(example) == len(answer)


def test_dpo_puts_the_chosen_answer_first(house: House) -> None:
    encoder = load_encoder(house.make(house.gemma).path)
    for example, city in zip(examples(house, make(Objective, "dpo")), CAPITALS.values(), strict=True):
        chosen, rejected = (encoder.tokenizer.decode(sequence.ids) for sequence in example.sequences)
        assert f"{city}。" in chosen
        assert "不太清楚" in rejected
