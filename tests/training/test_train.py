"""The train step: one result however it is cut, interrupted or spread, and errors that say what to do."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import House

from zhiyin.artifacts import Adapter, Checkpoint, curve
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.jsonl import Rejected
from zhiyin.training import attention
from zhiyin.training.train import Config, train

SFT = {"objective": "cross_entropy", "adapter": {"name": "lora", "rank": 4}, "learning_rate": 5e-3, "batch_size": 4}


def sft(house: House, **changes: Any) -> Step[Any]:
    """Return a small supervised fine-tuning."""
    config = Config.model_validate({**SFT, "num_train_epochs": 4, **changes})
    return step(train, config, {"model": house.gemma, "data": house.chats, "held_out": house.chats})


def pretraining(house: House, **changes: Any) -> Step[Any]:
    """Return a small pre-training of all weights."""
    config = {"objective": "causal_lm", "adapter": "full", "learning_rate": 1e-2, "batch_size": 4, "max_length": 32}
    return step(train, Config.model_validate({**config, **changes}), {"model": house.gemma, "data": house.texts})


def dpo(house: House, **changes: Any) -> Step[Any]:
    """Return a small preference optimisation."""
    beta = changes.pop("beta", 0.5)
    config = {**SFT, "objective": {"name": "dpo", "beta": beta}, "num_train_epochs": 6, **changes}
    inputs = {"model": house.gemma, "data": house.pairs, "held_out": house.pairs}
    return step(train, Config.model_validate(config), inputs)


def losses(artifact: Artifact, split: str = "train", name: str = "loss") -> list[float]:
    """Return one line of the curve."""
    return [point.values[name] for point in curve(artifact) if point.split == split]


def weights(artifact: Artifact) -> dict[str, torch.Tensor]:
    """Return the trained tensors."""
    (file,) = artifact.path.glob("*.safetensors")
    return load_file(file)


def test_sft_learns_and_records_its_curve(house: House) -> None:
    adapter = house.make(sft(house))
    assert isinstance(adapter, Adapter)
    train_losses, held_out = losses(adapter), losses(adapter, "held_out")
    assert len(train_losses) == 8
    assert [point.step for point in curve(adapter) if point.split == "held_out"] == [0, 2, 3, 5, 6, 8]
    assert held_out[-1] < held_out[0] - 0.1
    assert adapter.summary["steps"] == 8
    assert adapter.summary["trained_parameters"] == sum(tensor.numel() for tensor in weights(adapter).values())
    assert adapter.base.name == adapter.manifest.inputs["model"]
    assert {"grad_norm", "learning_rate"} <= curve(adapter)[1].values.keys()
    assert (adapter.path / "template.json").is_file()
    assert not (adapter.path / "checkpoints").exists()


def test_pretraining_learns_all_weights(house: House) -> None:
    checkpoint = house.make(pretraining(house, num_train_epochs=6))
    assert isinstance(checkpoint, Checkpoint)
    assert losses(checkpoint)[-1] < losses(checkpoint)[0] - 0.5
    before = load_file(house.make(house.gemma).path / "model.safetensors")
    changed = [name for name, tensor in weights(checkpoint).items() if not torch.equal(tensor, before[name])]
    assert len(changed) == len(before)


def test_dpo_raises_the_chosen_answer(house: House) -> None:
    adapter = house.make(dpo(house))
    assert losses(adapter, "held_out")[0] == pytest.approx(0.693147, abs=1e-5)
    margins = losses(adapter, "held_out", "rewards/margins")
    assert margins[0] == pytest.approx(0, abs=1e-5)
    assert margins[-1] > 0.2
    assert losses(adapter, "held_out", "rewards/accuracies")[-1] == 1.0


@pytest.mark.parametrize("changes", [{"learning_rate": 0.0}, {"beta": 0.0}])
def test_dpo_without_learning_rate_or_beta_moves_nothing(house: House, changes: dict[str, float]) -> None:
    adapter = house.make(dpo(house, **changes))
    assert abs(losses(adapter, "held_out", "rewards/margins")[-1]) < 1e-5


@pytest.mark.parametrize("make", [sft, pretraining, dpo])
def test_the_cut_into_micro_batches_does_not_change_the_result(house: House, make: Any, tmp_path: Path) -> None:
    _the_same(house, make, Runtime(store=tmp_path, device="cpu", micro_batch_tokens=1))


@pytest.mark.parametrize("make", [sft, pretraining, dpo])
def test_activations_may_be_computed_again(house: House, make: Any, tmp_path: Path) -> None:
    _the_same(house, make, Runtime(store=tmp_path, device="cpu", activation_checkpointing=True))


def test_activations_are_computed_again_only_when_asked(house: House, tmp_path: Path) -> None:
    passes = []
    for again in (False, True):
        runtime = Runtime(store=tmp_path / str(again), device="cpu", activation_checkpointing=again)
        with attention.counted() as calls:
            run([sft(house)], runtime)
        passes.append(len(calls))
    assert passes[1] > 1.3 * passes[0]


def _the_same(house: House, make: Any, runtime: Runtime) -> None:
    """Assert that the runtime changes the result of a training by no more than rounding."""
    whole, cut = house.make(make(house)), run([make(house)], runtime)[-1]
    for name in ("loss", "grad_norm"):
        assert losses(cut, name=name) == pytest.approx(losses(whole, name=name), rel=2e-4, abs=1e-5)
    for name, tensor in weights(whole).items():
        assert (weights(cut)[name] - tensor).abs().max() < 5e-3, name


def test_the_same_runtime_gives_the_same_bytes(house: House, tmp_path: Path) -> None:
    first = house.make(sft(house))
    second = run([sft(house)], Runtime(store=tmp_path, device="cpu"))[-1]
    assert first.manifest.results == second.manifest.results
    assert "adapter_model.safetensors" in first.manifest.results


def test_another_seed_gives_another_result(house: House) -> None:
    assert losses(house.make(sft(house)))[1:] != losses(house.make(sft(house, seed=43)))[1:]


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from tests.training import test_train
    from tests.training.house import build
    from zhiyin.training import checkpoints
    from zhiyin.execution.runner import run
    from zhiyin.execution.runtime import Runtime
    import torch

    torch.set_num_threads(1)
    store, where = Path(sys.argv[1]), sys.argv[2]
    house = build(store)
    count = 0

    def dying(function):
        def call(*arguments):
            global count
            count += 1
            if count == 3 and where == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments)
            if count == 3 and where == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return call

    if where in ("before", "after"):
        checkpoints.finish = dying(checkpoints.finish)
    else:
        checkpoints.fill = dying(checkpoints.fill)
        where = "before"
    run([getattr(test_train, sys.argv[3])(house)], Runtime(store=store, device="cpu", checkpoint_seconds=1e-6))
    """
)


@pytest.mark.slow
@pytest.mark.parametrize("make", [sft, dpo])
@pytest.mark.parametrize("where", ["before", "after", "inside"])
def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_bytes(
    house: House, tmp_path: Path, make: Any, where: str
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), where, make.__name__]
    killed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (partial,) = (tmp_path / ".partial").glob("train-*/checkpoints")
    complete = [path.name for path in partial.glob("step-*") if not path.name.endswith(".partial")]
    assert complete == (["step-00000003"] if where == "after" else ["step-00000002"])
    resumed = run([make(house)], Runtime(store=tmp_path, device="cpu"))[-1]
    undisturbed = house.make(make(house))
    assert resumed.manifest.results == undisturbed.manifest.results
    assert curve(resumed) == curve(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("make", [sft, dpo])
def test_two_processes_train_the_same_model_as_one(house: House, tmp_path: Path, make: Any) -> None:
    one = house.make(make(house))
    two = run([make(house)], Runtime(store=tmp_path, device="cpu", num_processes=2))[-1]
    for name in ("loss", "grad_norm", "learning_rate"):
        assert losses(two, name=name) == pytest.approx(losses(one, name=name), rel=2e-4, abs=1e-5)
    assert losses(two, "held_out") == pytest.approx(losses(one, "held_out"), rel=1e-3)


def test_a_record_that_is_too_long_is_set_aside_whole(house: House) -> None:
    adapter = house.make(sft(house, max_length=30))
    rejected = list(jsonl.read(adapter.path / "rejected.jsonl", Rejected))
    assert adapter.summary["set_aside"] == len({row.where for row in rejected}) > 0
    assert adapter.summary["examples"] + adapter.summary["set_aside"] == 7
    assert {row.reason for row in rejected} == {"longer than max_length"}
    assert "max_length is 30" in rejected[0].row


def test_when_every_record_is_too_long_the_error_says_so(house: House) -> None:
    with pytest.raises(
        ValueError, match=r"no record can be learnt from with max_length 5\. c0: longer than max_length"
    ):
        house.make(sft(house, max_length=5))


def test_records_that_do_not_suit_the_objective_are_refused_before_anything_runs(house: House) -> None:
    config = Config.model_validate({"objective": "dpo"})
    with pytest.raises(ValueError, match="objective dpo learns from a PreferenceSet, and `data` is a ConversationSet"):
        step(train, config, {"model": house.gemma, "data": house.chats})


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(house: House) -> None:
    with pytest.raises(FloatingPointError, match=r"the loss of step \d+ is (nan|inf); lower learning_rate"):
        house.make(pretraining(house, learning_rate=1e12, max_grad_norm=0, warmup_ratio=0, num_train_epochs=20))


def test_bfloat16_trains_near_float32(house: House) -> None:
    exact, rounded = losses(house.make(sft(house))), losses(house.make(sft(house, dtype="bfloat16")))
    assert rounded == pytest.approx(exact, rel=0.05)
    assert rounded != exact


def test_the_names_in_peft_s_config_are_sorted(house: House) -> None:
    """PEFT keeps them as a set, whose order is another one in every process, and so were the bytes of the artifact."""
    config = json.loads((house.make(sft(house)).path / "adapter_config.json").read_text(encoding="utf-8"))
    assert len(config["target_modules"]) == 14
    assert config["target_modules"] == sorted(config["target_modules"])


def test_lora_on_named_modules_trains_only_those(house: House) -> None:
    adapter = house.make(sft(house, adapter={"name": "lora", "rank": 2, "target_modules": ["q_proj", "v_proj"]}))
    layers = {name.split(".")[-3] for name in weights(adapter)}
    assert layers == {"q_proj", "v_proj"}
    config = json.loads((adapter.path / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == adapter.base.name
