"""An AdaLoRA adapter as a plain LoRA: the same function for stock PEFT, and for a program that knows ranks alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tests.training.house import House, build

from zhiyin.artifacts import Adapter
from zhiyin.execution.step import Step, step
from zhiyin.training.train import Config as TrainConfig
from zhiyin.training.train import train
from zhiyin.weights.adapter import CONFIG, TENSORS, put_on, read
from zhiyin.weights.load import load_model
from zhiyin.weights.merge import Config as MergeConfig
from zhiyin.weights.merge import merge
from zhiyin.weights.probe import distance, probe
from zhiyin.weights.to_lora import Config, folded, to_lora

ADALORA = {"name": "adalora", "init_r": 3, "target_r": 1, "tinit": 2, "tfinal": 4, "alpha": 8}
IDS = torch.arange(6, 46)[None]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models and records."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


def trained(house: House, **changes: Any) -> Step[Any]:
    """Return a training of 12 steps that leaves ranks from 0 to 3."""
    settings = {"objective": "cross_entropy", "learning_rate": 2e-2, "batch_size": 4, "num_train_epochs": 6}
    settings["adapter"] = {**ADALORA, **changes}
    return step(train, TrainConfig.model_validate(settings), {"model": house.gemma, "data": house.chats})


def logits(model: Any) -> torch.Tensor:
    """Return the logits of a fixed sequence."""
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


@pytest.mark.parametrize("control_tokens", [False, True])
def test_stock_peft_opens_it_as_the_same_function(house: House, control_tokens: bool) -> None:
    adapter = house.make(trained(house, control_tokens=control_tokens))
    plain = house.make(step(to_lora, Config(), {"adapter": trained(house, control_tokens=control_tokens)}))
    ranks = adapter.summary["ranks"]
    assert {0, 1, 2} <= set(ranks.values())
    base = load_model(house.make(house.gemma), device="cpu")
    opened: Any = PeftModel.from_pretrained(base, str(plain.path)).eval()
    assert opened.peft_config["default"].peft_type == "LORA"
    before = logits(load_model(house.make(house.gemma), device="cpu"))
    after = logits(load_model(adapter, device="cpu"))
    assert (after - before).abs().max() > 0.1
    torch.testing.assert_close(logits(opened), after, rtol=0, atol=2e-6)
    torch.testing.assert_close(logits(opened.merge_and_unload()), after, rtol=0, atol=2e-6)
    found = {name: rank for name, rank in ranks.items() if rank}
    assert plain.summary["matrices"] == len(found) < len(ranks)
    assert plain.summary["highest_rank"] == max(found.values())
    assert plain.summary["converted_error"] < 1e-6
    assert json.loads((plain.path / CONFIG).read_text(encoding="utf-8"))["rank_pattern"] == found
    assert plain.base == adapter.base
    assert (plain.path / "template.json").is_file()
    assert not (plain.path / "ranks.json").exists()


def test_it_goes_on_as_any_adapter_does(house: House) -> None:
    """A merge of it is the merge of the AdaLoRA."""
    plain = step(to_lora, Config(), {"adapter": trained(house)})
    one, other = (house.make(step(merge, MergeConfig(), {"adapter": each})) for each in (plain, trained(house)))
    weights = load_file(other.path / "model.safetensors")
    for name, tensor in load_file(one.path / "model.safetensors").items():
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=1e-6)


def test_each_matrix_is_the_product_of_its_factors(house: House) -> None:
    """By hand: B diag(E) A alpha / init_r, against B A alpha / rank with one alpha for all, as llama.cpp has it."""
    adapter = house.make(trained(house))
    settings, tensors = read(adapter.path)
    plain, made = folded(settings, tensors)
    assert (plain["lora_alpha"], plain["alpha_pattern"]) == (8, {})
    for name, rank in adapter.summary["ranks"].items():
        key = f"base_model.model.{name}"
        a, e, b = (tensors[f"{key}.lora_{part}"].double() for part in "AEB")
        assert len(a) == rank
        if rank:
            product = made[f"{key}.lora_B.weight"].double() @ made[f"{key}.lora_A.weight"].double() * 8 / rank
            torch.testing.assert_close(product, b @ torch.diag(e[:, 0]) @ a * 8 / (3 + 1e-5), rtol=1e-6, atol=1e-8)
        else:
            assert not [other for other in made if other.startswith(key)]


def test_a_plain_lora_is_not_converted(house: House) -> None:
    settings = {"objective": "cross_entropy", "batch_size": 4}
    lora = step(train, TrainConfig.model_validate(settings), {"model": house.gemma, "data": house.chats})
    with pytest.raises(ValueError, match="to_lora converts adapters of the kind ADALORA, and this one is LORA"):
        house.make(step(to_lora, Config(), {"adapter": lora}))


def test_an_adapter_of_rank_0_is_not_converted(house: House) -> None:
    settings, tensors = read(house.make(trained(house)).path)
    empty = {name: tensor[:0] if name.endswith(("_A", "_E")) else tensor[:, :0] for name, tensor in tensors.items()}
    with pytest.raises(ValueError, match="every matrix of this adapter has rank 0: there is nothing to convert"):
        folded(settings, empty)


def test_a_conversion_that_is_not_close_enough_is_refused(house: House) -> None:
    with pytest.raises(ValueError, match=r"logits of the plain LoRA differ by .* of the largest, allowed 1e-12"):
        house.make(step(to_lora, Config(tolerance=1e-12), {"adapter": trained(house)}))


@pytest.mark.parametrize("base", ["gemma", "llama"])
def test_a_merge_keeps_matrices_of_rank_0(house: House, base: str) -> None:
    settings = {"objective": "cross_entropy", "learning_rate": 2e-2, "batch_size": 4, "num_train_epochs": 6}
    config = TrainConfig.model_validate({**settings, "adapter": ADALORA})
    adapter = step(train, config, {"model": getattr(house, base), "data": house.chats})
    made, whole = house.make(adapter), house.make(step(merge, MergeConfig(), {"adapter": adapter}))
    assert 0 in made.summary["ranks"].values()
    one = logits(load_model(made, device="cpu"))
    torch.testing.assert_close(logits(load_model(whole, device="cpu")), one, rtol=0, atol=2e-6)
    assert whole.summary["merged_error"] < 1e-6 < 1e-2 < whole.summary["adapter_effect"]


def test_the_probe_is_the_same_for_every_model_and_tells_them_apart(house: House) -> None:
    base = house.make(house.gemma)
    one, again = (probe(load_model(base, device="cpu"), 16) for _ in range(2))
    assert one.shape == (16, load_model(base, device="cpu").config.vocab_size)
    assert torch.equal(one, again)
    adapted = put_on(load_model(base, device="cpu"), house.make(trained(house)).path)
    assert distance(one, probe(adapted, 16)) > 1e-2
    assert distance(torch.tensor([1.0, -4.0]), torch.tensor([1.5, -4.0])) == 0.125


def test_the_base_of_a_converted_adapter_is_that_of_the_first(house: House, tmp_path: Path) -> None:
    plain = house.make(step(to_lora, Config(), {"adapter": trained(house)}))
    assert isinstance(plain, Adapter)
    assert set(plain.manifest.inputs) == {"adapter"}
    assert plain.base == house.make(house.gemma).path
    assert (plain.path / TENSORS).is_file()
