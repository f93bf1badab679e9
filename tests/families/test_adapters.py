"""The contract of every training method: it starts from the same function, trains only its own weights, loads back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.house import House, build

from zhiyin.artifacts import Adapter
from zhiyin.execution.catalog import make, names
from zhiyin.training.adapters import Method
from zhiyin.weights.load import load_model

METHODS = names(Method)


def test_every_method_is_tested_here() -> None:
    assert METHODS == ("full", "lora")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_starts_from_the_same_function_and_saves_what_it_trains(
    house: House, name: str, tmp_path: Path
) -> None:
    base = house.make(house.gemma)
    method = make(Method, name)
    ids = torch.arange(6, 26)[None]
    torch.manual_seed(0)
    model = load_model(base, device="cpu")
    with torch.no_grad():
        before = model(input_ids=ids).logits
        wrapped = method.wrap(model, (4, 5), steps=1)
        assert torch.equal(wrapped(input_ids=ids).logits, before)
        trained = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
        frozen = [parameter for parameter in wrapped.parameters() if not parameter.requires_grad]
        assert trained
        assert bool(frozen) == (method.makes is Adapter)
        for parameter in trained:
            parameter.add_(0.05)
        after = wrapped(input_ids=ids).logits
        assert not torch.allclose(after, before)
        out = base.path.parent / f"{name}-saved"
        method.save(wrapped, out, base.path.name)
        if method.makes is Adapter:
            (out / "manifest.json").write_text(
                base.manifest.model_copy(update={"inputs": {"model": base.path.name}}).model_dump_json(),
                encoding="utf-8",
            )
        again = load_model(out, device="cpu")
        torch.testing.assert_close(again(input_ids=ids).logits, after, rtol=0, atol=1e-6)


def test_lora_can_learn_the_control_tokens_and_nothing_else_of_the_embedding(house: House) -> None:
    control_ids = (4, 5)
    model = make(Method, {"name": "lora", "control_tokens": True}).wrap(
        load_model(house.make(house.gemma), device="cpu"), control_ids, steps=1
    )
    embedding = model.get_input_embeddings()
    with torch.no_grad():
        before = embedding(torch.arange(20)).clone()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_" not in name:
                parameter.add_(1.0)
        changed = (embedding(torch.arange(20)) != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == list(control_ids)


def test_a_merge_keeps_the_control_tokens_learnt(house: House, tmp_path: Path) -> None:
    """The embedding is tied to the output layer: both must show the change, before and after merging."""
    torch.manual_seed(0)
    base = load_model(house.make(house.gemma), device="cpu")
    model: Any = make(Method, {"name": "lora", "control_tokens": True}).wrap(base, (4, 5), steps=1)
    ids = torch.tensor([[6, 4, 9, 5, 7]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_" not in name:
                parameter.add_(torch.randn_like(parameter))
        after = model(input_ids=ids).logits
        merged = model.merge_and_unload()(input_ids=ids).logits
    assert (after[0, 0, [4, 5]] - before[0, 0, [4, 5]]).abs().max() > 1e-3
    assert torch.equal(after[0, 0, 6:], before[0, 0, 6:])
    torch.testing.assert_close(merged, after, rtol=0, atol=1e-5)


def test_lora_adds_alpha_over_rank_times_the_product(house: House) -> None:
    """The addition of one layer, computed by hand: alpha / rank * B A x (equation 3 of the paper)."""
    method = make(Method, {"name": "lora", "rank": 4, "alpha": 12, "target_modules": ["q_proj"]})
    model = method.wrap(load_model(house.make(house.gemma), device="cpu"), (), steps=1)
    (layer, *_) = [module for name, module in model.named_modules() if name.endswith("q_proj")]
    tensors = dict(layer.named_parameters())
    (a,) = [tensor for name, tensor in tensors.items() if "lora_A" in name]
    (b,) = [tensor for name, tensor in tensors.items() if "lora_B" in name]
    (weight,) = [tensor for name, tensor in tensors.items() if "base_layer" in name]
    x = torch.randn(3, weight.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        b.normal_(generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(layer(x), x @ weight.T + 12 / 4 * (x @ a.T @ b.T))
