"""Fixtures of the training room."""

from collections.abc import Callable

import pytest
import torch
from tests.training.house import House, build
from torch import nn

from zhiyin.artifacts import Checkpoint
from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import load_encoder
from zhiyin.weights import load


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store that holds the base models."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


@pytest.fixture
def encoder(house: House) -> Encoder:
    """Return the encoder of the small models."""
    return load_encoder(house.make(house.gemma).path)


@pytest.fixture(params=["gemma2", "llama"])
def network(house: House, request: pytest.FixtureRequest) -> nn.Module:
    """Return a model whose every weight is random, norms included, so that no mistake hides behind a neutral weight."""
    checkpoint: Checkpoint = house.make(house.gemma if request.param == "gemma2" else house.llama)
    model = load.load_model(checkpoint, device="cpu")
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


Slow = Callable[[nn.Module, list[int], list[bool]], torch.Tensor]


@pytest.fixture
def slow_logprobs() -> Slow:
    """Return the slow, obvious twin: one sequence, full logits, one token at a time."""

    def compute(model: nn.Module, ids: list[int], mask: list[bool]) -> torch.Tensor:
        logits_TV = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        values = [torch.log_softmax(logits_TV[t - 1], -1)[ids[t]] for t in range(1, len(ids)) if mask[t]]
        return torch.stack(values)

    return compute
