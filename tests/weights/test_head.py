"""Logits of chosen places equal those cut out of all logits, with and without an adapter, repeated places included."""

import pytest
import torch
from tests.training.house import House, build

from zhiyin.execution.catalog import make
from zhiyin.training.adapters import Method
from zhiyin.weights.head import logits_at, output_layer
from zhiyin.weights.load import load_model


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("base", ["gemma", "llama"])
@pytest.mark.parametrize("adapted", [False, True])
def test_chosen_logits_are_those_of_the_full_forward(house: House, base: str, adapted: bool) -> None:
    model = load_model(house.make(getattr(house, base)), device="cpu")
    if adapted:
        model = make(Method, {"name": "lora", "control_tokens": True}).wrap(model, (4, 5), steps=1)
    input_ids = torch.arange(6, 36).view(3, 10)
    row_N, column_N = torch.tensor([2, 0, 0, 1, 0]), torch.tensor([9, 3, 0, 5, 3])
    with torch.no_grad():
        full = model(input_ids=input_ids, use_cache=False).logits
        logits_PV, place_N = logits_at(model, row_N, column_N, input_ids=input_ids)
        again = model(input_ids=input_ids, use_cache=False).logits
    assert place_N.tolist() == [3, 1, 0, 2, 1]
    assert len(logits_PV) == 4
    torch.testing.assert_close(logits_PV[place_N], full[row_N, column_N], rtol=0, atol=1e-6)
    assert torch.equal(again, full)


def test_the_output_layer_is_found_under_a_wrapper(house: House) -> None:
    model = load_model(house.make(house.gemma), device="cpu")

    class Wrapper(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = model

    assert output_layer(Wrapper()) is model.get_output_embeddings()
