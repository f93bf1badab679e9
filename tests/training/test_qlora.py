"""Training on a quantised base: the exact computation on its dequantised weights, and an ordinary adapter as result."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.training.house import House
from torch import nn

from zhiyin.artifacts import Adapter, Checkpoint, curve
from zhiyin.execution.catalog import make
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.training.adapters import Method
from zhiyin.training.train import Config, train
from zhiyin.training.trainer import StepTrainer
from zhiyin.weights import merge as merging
from zhiyin.weights import tiny
from zhiyin.weights.adapter import put_on
from zhiyin.weights.load import load_model

KINDS = ("nf4", "int8")
SIZES = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "head_dim": 32, "sliding_window": 8}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1}
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
IDS = torch.arange(6, 36).view(2, 15)


@pytest.fixture(scope="session")
def wide(house: House) -> Step[Checkpoint]:
    """Return a base whose rows end where a block of 4-bit weights does."""
    (tokenizer,) = house.gemma.inputs.values()
    config = tiny.Config.model_validate({**SIZES, **HEADS, "architecture": "gemma2"})
    found: Step[Checkpoint] = step(tiny.tiny, config, {"tokenizer": tokenizer})
    house.make(found)
    return found


def method(kind: str, **changes: Any) -> Method:
    return make(Method, {"name": "qlora", "quantization": kind, "rank": 4, **changes})


def loaded(base: Checkpoint, kind: str | None, dtype: str = "float32") -> Any:
    """Load the base, quantised or not."""
    return load_model(base, device="cpu", dtype=dtype, **(method(kind).load_options(dtype) if kind else {}))


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return the linear layers inside the blocks, under PEFT's too, by their name in the model."""
    names = {name.removeprefix("base_model.model.").removesuffix(".base_layer"): m for name, m in model.named_modules()}
    return {name: module for name, module in names.items() if name.endswith(LAYERS)}


def dequantised(layer: Any) -> torch.Tensor:
    """Return the weights that a quantised layer computes with."""
    from bitsandbytes.functional import dequantize_4bit

    if layer.weight.dtype == torch.int8:
        scales = layer.state.SCB if layer.weight.SCB is None else layer.weight.SCB
        return cast("torch.Tensor", layer.weight.float() * scales[:, None] / 127)
    return dequantize_4bit(layer.weight.data, layer.weight.quant_state)


def plain_twin(base: Checkpoint, kind: str) -> Any:
    """Return an ordinary model that holds the dequantised weights."""
    quantised, plain = loaded(base, kind), loaded(base, None)
    with torch.no_grad():
        for name, layer in layers(quantised).items():
            plain.get_submodule(name).weight.copy_(dequantised(layer))
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_every_linear_layer_but_the_output_layer_is_quantised(house: House, wide: Step[Checkpoint], kind: str) -> None:
    base = house.make(wide)
    quantised, exact = loaded(base, kind), loaded(base, None)
    assert len(layers(quantised)) == len(LAYERS) * 2
    changed = [
        name
        for name, weight in exact.named_parameters()
        if weight.dtype != quantised.get_parameter(name).dtype or not torch.equal(weight, quantised.get_parameter(name))
    ]
    assert sorted(changed) == sorted(f"{name}.weight" for name in layers(exact))
    for name, layer in layers(quantised).items():
        weight = exact.get_submodule(name).weight
        error = (dequantised(layer) - weight).abs().max() / weight.abs().max()
        # Half the widest gap between levels, and what double quantisation adds.
        assert 0 < error < (0.16 if kind == "nf4" else 0.5 / 127 + 1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changes", [{}, {"use_dora": True, "use_rslora": True}, {"dropout": 0.3}])
def test_forward_and_gradients_are_those_of_a_plain_model_with_the_dequantised_weights(
    house: House, wide: Step[Checkpoint], kind: str, changes: dict[str, Any]
) -> None:
    base = house.make(wide)
    found = {}
    for name, network in (("quantised", loaded(base, kind)), ("plain", plain_twin(base, kind))):
        torch.manual_seed(0)
        model = method(kind, **changes).wrap(network, (), steps=1)
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        model.train()
        torch.manual_seed(2)
        logits = model(input_ids=IDS).logits
        logits.square().mean().backward()
        grads = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
        found[name] = (logits.detach(), grads)
    (logits, grads), (expected, wanted) = found["quantised"], found["plain"]
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    assert len(grads) >= 28
    assert grads.keys() == wanted.keys()
    for name, grad in grads.items():
        assert grad is not None
        other = wanted[name]
        assert other is not None
        assert (grad - other).norm() <= 1e-4 * other.norm(), name
        assert other.norm() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_wrapped_model_starts_from_the_quantised_one_and_is_the_same_in_evaluation(
    house: House, wide: Step[Checkpoint], kind: str
) -> None:
    """So DPO starts from a margin of 0: the reference is measured in evaluation mode, before the model is wrapped."""
    network = loaded(house.make(wide), kind, "bfloat16")
    with torch.no_grad():
        before = network(input_ids=IDS).logits
        wrapped = method(kind).wrap(network, (), steps=1)
        assert torch.equal(wrapped.train()(input_ids=IDS).logits, before)
        assert torch.equal(wrapped.eval()(input_ids=IDS).logits, before)
    trained = {parameter.dtype for parameter in wrapped.parameters() if parameter.requires_grad}
    assert trained == {torch.float32}
    assert before.dtype == torch.bfloat16


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_trained_is_saved_and_put_on_the_quantised_base_again(
    house: House, wide: Step[Checkpoint], kind: str, tmp_path: Path
) -> None:
    base = house.make(wide)
    model = method(kind).wrap(loaded(base, kind), (), steps=1)
    torch.manual_seed(0)
    with torch.no_grad():
        before = model(input_ids=IDS).logits
        for weight in (weight for weight in model.parameters() if weight.requires_grad):
            weight.add_(0.05 * torch.randn_like(weight))
        after = model(input_ids=IDS).logits
        method(kind).save(model, tmp_path, base.path.name)
        again = put_on(loaded(base, kind), tmp_path)(input_ids=IDS).logits
        exact = put_on(loaded(base, None), tmp_path)(input_ids=IDS).logits
    assert torch.equal(again, after)
    # On the unquantised base the adapter does a like thing, not the same.
    gap = float((exact - after).abs().max() / (after - before).abs().max())
    assert 1e-4 < gap < 1


def training(house: House, wide: Step[Checkpoint], kind: str, **changes: Any) -> Step[Any]:
    """Return a small preference optimisation on a quantised base: it has a reference and a held-out measurement."""
    config = {
        "objective": {"name": "dpo", "beta": 0.5},
        "learning_rate": 5e-3,
        "batch_size": 4,
        "num_train_epochs": 4,
        "guards": {"probes": 0},
        "adapter": {"name": "qlora", "quantization": kind, "rank": 4, **changes},
    }
    inputs = {"model": wide, "data": house.pairs, "held_out": house.pairs}
    return step(train, Config.model_validate(config), inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns_and_leaves_an_adapter_of_the_unquantised_base(
    house: House, wide: Step[Checkpoint], kind: str
) -> None:
    adapter = house.make(training(house, wide, kind))
    assert isinstance(adapter, Adapter)
    held_out = [point.values for point in curve(adapter) if point.split == "held_out"]
    assert held_out[0]["rewards/margins"] == pytest.approx(0, abs=1e-5)
    assert held_out[-1]["rewards/margins"] > 0.1
    # These layers are so small that tables of 16 and 256 float32 numbers weigh more than the weights.
    assert 4.1 < adapter.summary["bits_per_weight"] < 9
    assert adapter.base.name == wide.folder
    model = load_model(adapter, device="cpu")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    exact = loaded(house.make(wide), None)
    for name, layer in layers(model).items():
        assert torch.equal(layer.weight, exact.get_submodule(name).weight)  # type: ignore[arg-type]


def test_a_merge_is_into_the_unquantised_base(house: House, wide: Step[Checkpoint]) -> None:
    adapter = training(house, wide, "nf4")
    merged = house.make(step(merging.merge, merging.Config(), {"adapter": adapter}))
    assert merged.summary["merged_error"] < 1e-4
    with torch.no_grad():
        expected = load_model(house.make(adapter), device="cpu")(input_ids=IDS).logits
        found = load_model(merged, device="cpu")(input_ids=IDS).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    house: House, wide: Step[Checkpoint], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is quantised anew when training goes on, and the same way."""
    runtime = Runtime(store=tmp_path, device="cpu", checkpoint_seconds=1e-6)
    wanted = training(house, wide, kind, dropout=0.1)
    calls = 0
    whole = StepTrainer.training_step

    def stopping(*arguments: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(StepTrainer, "training_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        run([wanted], runtime)
    resumed = run([wanted], runtime)[-1]
    assert calls == 4 + len([point for point in curve(resumed) if point.split == "train"]) - 3
    undisturbed = house.make(wanted)
    assert resumed.manifest.results == undisturbed.manifest.results
    assert curve(resumed) == curve(undisturbed)
