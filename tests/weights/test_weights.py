"""Tiny models, opening checkpoints and adapters, and merges that are proven or refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.house import House, build

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.training.train import Config as TrainConfig
from zhiyin.training.train import train
from zhiyin.weights.load import load_model, pick_device
from zhiyin.weights.merge import Config, merge

IDS = torch.arange(6, 46)[None]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a store with base models and records."""
    torch.set_num_threads(1)
    return build(tmp_path_factory.mktemp("store"))


def adapter(house: House, base: Step[Checkpoint], learning_rate: float = 1e-2) -> Step[Any]:
    """Return a short LoRA training."""
    settings = {"objective": "cross_entropy", "learning_rate": learning_rate, "batch_size": 4, "num_train_epochs": 2}
    return step(train, TrainConfig.model_validate(settings), {"model": base, "data": house.chats})


def logits(artifact: Checkpoint | Adapter | Path) -> torch.Tensor:
    """Return the logits of a fixed sequence."""
    with torch.inference_mode():
        found: torch.Tensor = load_model(artifact, device="cpu")(input_ids=IDS).logits
    return found


def test_tiny_models_are_of_the_real_architectures(house: House) -> None:
    gemma, llama = house.make(house.gemma), house.make(house.llama)
    config = load_model(gemma, device="cpu").config
    assert config.model_type == "gemma2"
    assert (config.attn_logit_softcapping, config.final_logit_softcapping, config.sliding_window) == (50.0, 30.0, 8)
    assert config.layer_types == ["sliding_attention", "full_attention"]
    assert (config.pad_token_id, config.bos_token_id) == (0, 2)
    assert load_model(llama, device="cpu").config.model_type == "llama"
    assert gemma.summary["parameters"] == sum(p.numel() for p in load_model(gemma, device="cpu").parameters())


def test_the_vocabulary_is_the_tokenizers(house: House) -> None:
    from transformers import AutoTokenizer

    checkpoint = house.make(house.gemma)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.path)
    assert len(tokenizer) == load_model(checkpoint, device="cpu").config.vocab_size


@pytest.mark.parametrize("base", ["gemma", "llama"])
def test_merged_logits_are_the_adapters(house: House, base: str) -> None:
    trained = adapter(house, getattr(house, base))
    merged = step(merge, Config(), {"adapter": trained})
    one, other, before = house.make(trained), house.make(merged), house.make(getattr(house, base))
    torch.testing.assert_close(logits(other), logits(one), rtol=0, atol=1e-4)
    assert (logits(other) - logits(before)).abs().max() > 1e-2
    assert other.summary["merged_error"] < 1e-4 < other.summary["adapter_effect"]
    assert not list(other.path.glob("adapter*"))
    assert (other.path / "template.json").read_bytes() == (before.path / "template.json").read_bytes()
    torch.testing.assert_close(logits(other.path), logits(other))


def test_an_adapter_that_does_nothing_is_refused(house: House) -> None:
    with pytest.raises(ValueError, match=r"the adapter changes no logit of its base .*; was it trained\?"):
        house.make(step(merge, Config(), {"adapter": adapter(house, house.gemma, learning_rate=0.0)}))


def test_a_merge_that_is_not_close_enough_is_refused(house: House, tmp_path: Path) -> None:
    trained = adapter(house, house.gemma)
    with pytest.raises(ValueError, match=r"merged logits differ by .* of the largest, allowed 1e-12"):
        house.make(step(merge, Config(tolerance=1e-12), {"adapter": trained}))


def test_a_merge_can_be_saved_in_bfloat16(house: House) -> None:
    trained = adapter(house, house.gemma)
    exact = house.make(step(merge, Config(), {"adapter": trained}))
    rounded = house.make(step(merge, Config(dtype="bfloat16"), {"adapter": trained}))
    for name, tensor in load_file(rounded.path / "model.safetensors").items():
        assert tensor.dtype == torch.bfloat16
        torch.testing.assert_close(tensor, load_file(exact.path / "model.safetensors")[name].bfloat16(), rtol=0, atol=0)


def test_an_adapter_with_other_weights_gives_other_logits(house: House, tmp_path: Path) -> None:
    """An adapter whose tensors are not loaded would pass every other test here."""
    trained = house.make(adapter(house, house.gemma))
    copy = trained.path.parent / "copy"
    shutil.copytree(trained.path, copy)
    file = copy / "adapter_model.safetensors"
    save_file({name: tensor * 2 for name, tensor in load_file(file).items()}, file)
    assert (logits(copy) - logits(trained)).abs().max() > 1e-2


def test_the_device_is_picked_or_taken_as_said() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_load_names_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{tmp_path} holds no model: it has no config.json"):
        load_model(tmp_path, device="cpu")


def test_run_reuses_what_the_store_holds(house: House) -> None:
    made: list[str] = []
    run([house.gemma], Runtime(store=house.runtime.store, device="cpu"), lambda event: made.append(event.state))
    assert set(made) == {"held"}
