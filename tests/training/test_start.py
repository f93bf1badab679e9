"""Going on from an adapter: its weights with a fresh optimiser and schedule, or an error that names what differs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import House

from zhiyin.artifacts import Adapter, curve
from zhiyin.execution.artifact import MANIFEST, Artifact
from zhiyin.execution.catalog import make
from zhiyin.execution.step import Step, step
from zhiyin.training.adapters import Method
from zhiyin.training.train import Config, train
from zhiyin.weights.adapter import CONFIG, TENSORS, attach, read, write
from zhiyin.weights.load import load_model
from zhiyin.weights.merge import Config as MergeConfig
from zhiyin.weights.merge import merge

LORA = {"name": "lora", "rank": 4, "alpha": 8}
ADALORA = {"name": "adalora", "init_r": 4, "target_r": 2, "tinit": 2, "tfinal": 4}
SFT: dict[str, Any] = {"objective": "cross_entropy", "learning_rate": 5e-3, "batch_size": 4, "num_train_epochs": 6}


def sft(house: House, adapter: dict[str, Any], start: Step[Any] | None = None, **changes: Any) -> Step[Any]:
    """Return a fine-tuning of 12 steps, of a new adapter or going on from one."""
    inputs: dict[str, Any] = {"model": house.gemma, "data": house.chats, "held_out": house.chats}
    if start is not None:
        inputs["start"] = start
    return step(train, Config.model_validate({**SFT, "adapter": adapter, **changes}), inputs)


def tensors(artifact: Artifact) -> dict[str, torch.Tensor]:
    """Return the trained tensors."""
    return load_file(artifact.path / TENSORS)


def line(artifact: Artifact, name: str = "loss", split: str = "held_out") -> list[float]:
    """Return one line of the curve."""
    return [point.values[name] for point in curve(artifact) if point.split == split]


@pytest.mark.parametrize(
    "adapter",
    [LORA, {**LORA, "use_dora": True, "control_tokens": True}, {**LORA, "modules_to_save": ["embed_tokens"]}, ADALORA],
)
def test_a_step_of_nothing_gives_the_same_adapter_back(house: House, adapter: dict[str, Any]) -> None:
    first = sft(house, adapter)
    again = house.make(sft(house, adapter, first, learning_rate=0.0))
    before = tensors(house.make(first))
    assert tensors(again).keys() == before.keys()
    for name, tensor in tensors(again).items():
        assert torch.equal(tensor, before[name]), name
    assert line(again)[0] == pytest.approx(line(house.make(first))[-1], rel=1e-6)
    assert again.manifest.inputs["start"] == house.make(first).path.name


def test_training_goes_on_with_a_fresh_optimiser_and_schedule(house: House) -> None:
    """The twin: the old weights put on the base by hand, and trained by the same step from there."""
    first = house.make(sft(house, LORA))
    second = house.make(sft(house, LORA, sft(house, LORA), seed=7))
    assert line(second, "learning_rate", "train") == line(first, "learning_rate", "train")
    assert line(second)[0] == pytest.approx(line(first)[-1], rel=1e-6)
    assert line(second)[-1] < line(first)[-1] - 0.05
    other = house.make(sft(house, LORA, seed=7))
    assert line(other)[0] > line(second)[0] + 0.1
    assert (second.path / "template.json").is_file()


def test_the_reference_of_a_preference_training_is_what_it_started_from(house: House) -> None:
    """At the start policy and reference are one, so margins are 0; the base would give others."""
    first = sft(house, LORA, learning_rate=2e-2)
    config = {**SFT, "objective": {"name": "dpo", "beta": 0.5}, "adapter": LORA}
    inputs = {"model": house.gemma, "data": house.pairs, "held_out": house.pairs, "start": first}
    adapter = house.make(step(train, Config.model_validate(config), inputs))
    assert line(adapter)[0] == pytest.approx(0.693147, abs=1e-5)
    assert line(adapter, "rewards/margins")[0] == pytest.approx(0, abs=1e-5)
    assert line(adapter, "rewards/chosen")[0] == pytest.approx(0, abs=1e-5)
    assert line(adapter, "rewards/margins")[-1] > 0.2
    ids = torch.arange(6, 40)[None]
    with torch.no_grad():
        moved = [
            load_model(one, device="cpu")(input_ids=ids).logits for one in (house.make(first), house.make(house.gemma))
        ]
    assert (moved[0] - moved[1]).abs().max() > 0.1


MISMATCHES: list[tuple[dict[str, Any], str]] = [
    ({"rank": 8}, "rank is 4 there and 8 here"),
    ({"alpha": 16}, "alpha is 8 there and 16 here"),
    ({"use_rslora": True}, "use_rslora is False there and True here"),
    ({"use_dora": True}, "use_dora is False there and True here"),
    ({"modules_to_save": ["embed_tokens"]}, r"modules_to_save is None there and \['embed_tokens', .*\] here"),
    ({"control_tokens": True}, r"the tokens learnt is None there and \[.+\] here"),
    ({"target_modules": ["q_proj"]}, "adapts other layers than this training: 24 tensors are only there and 0 only"),
]


@pytest.mark.parametrize(
    ("change", "message"), MISMATCHES, ids=lambda value: "".join(value) if isinstance(value, dict) else ""
)
def test_an_adapter_that_does_not_fit_is_an_error_with_both_values(
    house: House, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        house.make(sft(house, {**LORA, **change}, sft(house, LORA)))


def test_an_adapter_of_another_kind_is_an_error(house: House) -> None:
    with pytest.raises(ValueError, match="the kind is LORA there and ADALORA here"):
        house.make(sft(house, ADALORA, sft(house, LORA)))
    with pytest.raises(ValueError, match="the kind is ADALORA there and LORA here"):
        house.make(sft(house, LORA, sft(house, ADALORA)))


def test_an_adapter_of_another_base_is_an_error(house: House) -> None:
    first = sft(house, LORA)
    config = Config.model_validate({**SFT, "adapter": LORA})
    other = step(train, config, {"model": house.llama, "data": house.chats, "start": first})
    base, here = house.gemma.folder, house.llama.folder
    with pytest.raises(ValueError, match=f"is an adapter of {base}, and the model here is {here}; an adapter fits"):
        house.make(other)


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_a_folder_without_an_adapter_is_an_error_and_no_fresh_start(house: House, tmp_path: Path, name: str) -> None:
    """The published code says `not found` and trains from nothing."""
    folder = tmp_path / "adapter"
    shutil.copytree(house.make(sft(house, LORA)).path, folder)
    (folder / name).unlink()
    model = load_model(house.make(house.gemma), device="cpu")
    with pytest.raises(ValueError, match=f"{folder} holds no adapter: it has no {name}"):
        make(Method, LORA).wrap(model, (), steps=4, start=folder)


def test_full_takes_no_adapter_to_start_from(house: House, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`start` is an adapter to go on from, and full trains the model itself"):
        sft(house, {"name": "full"}, sft(house, LORA))
    with pytest.raises(ValueError, match="is an adapter; full trains the model itself, so merge it into its base"):
        make(Method, "full").wrap(load_model(house.make(house.gemma), device="cpu"), (), steps=4, start=tmp_path)


def test_a_checkpoint_is_no_start(house: House) -> None:
    with pytest.raises(ValueError, match="input 'start' takes Adapter, but tiny makes Checkpoint"):
        sft(house, LORA, house.gemma)


def test_dropout_may_change(house: House) -> None:
    assert isinstance(house.make(sft(house, {**LORA, "dropout": 0.1}, sft(house, LORA))), Adapter)


def test_adalora_goes_on_with_the_ranks_it_has(house: House) -> None:
    """Nothing is left to take away, so it only trains."""
    first, second = house.make(sft(house, ADALORA)), house.make(sft(house, ADALORA, sft(house, ADALORA)))
    assert second.summary["ranks"] == first.summary["ranks"]
    assert sum(first.summary["ranks"].values()) == 28
    assert line(second)[0] == pytest.approx(line(first)[-1], rel=1e-6)
    assert line(second)[-1] < line(first)[-1]
    same_shapes = {name: tensor.shape for name, tensor in tensors(first).items()}
    assert {name: tensor.shape for name, tensor in tensors(second).items()} == same_shapes


def test_adalora_gives_up_more_ranks_when_target_r_is_lower(house: House) -> None:
    first = house.make(sft(house, ADALORA))
    lower = house.make(sft(house, {**ADALORA, "target_r": 1}, sft(house, ADALORA)))
    ranks = lower.summary["ranks"]
    assert sum(ranks.values()) == 14
    assert all(rank <= first.summary["ranks"][name] for name, rank in ranks.items())
    assert 0 in ranks.values()
    third = house.make(
        sft(house, {**ADALORA, "target_r": 1}, sft(house, {**ADALORA, "target_r": 1}, sft(house, ADALORA)))
    )
    assert third.summary["ranks"] == ranks
    assert line(third)[0] == pytest.approx(line(lower)[-1], rel=1e-6)


def test_adalora_cannot_win_ranks_back(house: House) -> None:
    with pytest.raises(ValueError, match="has 28 ranks left, and target_r 3 asks for 42"):
        house.make(sft(house, {**ADALORA, "target_r": 3}, sft(house, ADALORA)))
    with pytest.raises(ValueError, match="init_r is 4 there and 6 here"):
        house.make(sft(house, {**ADALORA, "init_r": 6}, sft(house, ADALORA)))


def test_stages_with_falling_ranks_merge_in_between(house: House) -> None:
    """As the three stages of 64, 48 and 32 ranks do: the published way to lower `init_r`."""
    first = sft(house, {**ADALORA, "init_r": 6, "target_r": 3})
    merged = step(merge, MergeConfig(), {"adapter": first})
    inputs = {"model": merged, "data": house.chats, "held_out": house.chats}
    second = step(train, Config.model_validate({**SFT, "adapter": ADALORA}), inputs)
    one, between, two = house.make(first), house.make(merged), house.make(second)
    assert not (between.path / "ranks.json").exists()
    assert line(two)[0] == pytest.approx(line(one)[-1], rel=1e-5)
    assert line(two)[-1] < line(one)[-1]
    assert (sum(one.summary["ranks"].values()), sum(two.summary["ranks"].values())) == (42, 28)
    assert two.base == between.path


def test_reading_and_writing_an_adapter_leaves_its_bytes(house: House, tmp_path: Path) -> None:
    """Also what PEFT keeps as a set: each process would write it in another order."""
    adapter = house.make(sft(house, {**LORA, "modules_to_save": ["input_layernorm", "embed_tokens"]}))
    method = make(Method, {**LORA, "modules_to_save": ["embed_tokens", "input_layernorm"]})
    model = load_model(house.make(house.gemma), device="cpu")
    config = method.peft_config(  # type: ignore[attr-defined]
        {"lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}, 1
    )
    write(attach(model, config, adapter.path), tmp_path, adapter.base.name)
    settings, found = read(tmp_path)
    assert settings["base_model_name_or_path"] == adapter.base.name
    assert settings["modules_to_save"] == ["embed_tokens", "input_layernorm", "model.embed_tokens"]
    assert found.keys() == tensors(adapter).keys()
    for name in (TENSORS, CONFIG):
        assert (tmp_path / name).read_bytes() == (adapter.path / name).read_bytes()
    assert json.loads((adapter.path / MANIFEST).read_text(encoding="utf-8"))["kind"] == "train"
