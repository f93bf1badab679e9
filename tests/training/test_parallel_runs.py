"""Training in several real processes: the same curve as in one, whatever each of them has to do, and whoever dies."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.training import dying
from tests.training.house import House
from tests.training.test_train import SFT, dpo, pretraining, sft, weights

from zhiyin.artifacts import curve
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.training.train import Config, train

Settings = dict[str, Any]

# Seven records in steps of three: 3, 3 and 1, so that one of two processes has nothing in every third step; and
# 30 tokens in a forward pass, so that the others have different numbers of passes.
UNEVEN = {"batch_size": 3}
FEW_TOKENS = 30
ADALORA = {"name": "adalora", "init_r": 6, "target_r": 3, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"]}


def adalora(house: House, **changes: Any) -> Step[Any]:
    """Return a small training whose method has a penalty, and acts after each step."""
    return sft(house, adapter=ADALORA, **changes)


def control_tokens(house: House, **changes: Any) -> Step[Any]:
    """Return a small training of an adapter and of some embeddings."""
    return sft(house, adapter={"name": "lora", "rank": 4, "control_tokens": True}, **changes)


def regularised(house: House, **changes: Any) -> Step[Any]:
    """Return a small preference optimisation whose loss has a second divisor."""
    objective = {"name": "dpo", "beta": 0.5, "sft_weight": 0.5}
    config = {**SFT, "objective": objective, "num_train_epochs": 3, **changes}
    inputs = {"model": house.gemma, "data": house.pairs, "held_out": house.pairs}
    return step(train, Config.model_validate(config), inputs)


@pytest.fixture
def two(house: House, tmp_path: Path, child_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of two processes on the CPU, which find the tests; models and records are there already."""
    monkeypatch.setenv("PYTHONPATH", child_environment["PYTHONPATH"])
    store = tmp_path / "store"
    shutil.copytree(house.runtime.store, store, ignore=shutil.ignore_patterns("train-*", ".partial"))
    return {"store": store, "device": "cpu", "num_processes": 2, "micro_batch_tokens": FEW_TOKENS}


def same(found: Artifact, expected: Artifact) -> None:
    """Compare every number of the curve, and every trained weight, to rounding."""
    assert [(one.step, one.split) for one in curve(found)] == [(one.step, one.split) for one in curve(expected)]
    for one, other in zip(curve(found), curve(expected), strict=True):
        assert one.values == pytest.approx(other.values, rel=5e-4, abs=2e-5), (one.step, one.split)
    for name, tensor in weights(expected).items():
        assert (weights(found)[name] - tensor).abs().max() < 5e-3, name
    counted = ("examples", "steps", "tokens", "trained_parameters")
    assert {name: found.summary[name] for name in counted} == {name: expected.summary[name] for name in counted}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "parallelism"),
    [
        *((make, "ddp") for make in (sft, pretraining, regularised, adalora)),
        *((make, "fsdp2") for make in (pretraining, regularised, adalora, control_tokens)),
    ],
)
def test_two_processes_with_unequal_work_train_what_one_trains(
    house: House, two: Settings, make: Any, parallelism: Any
) -> None:
    one = house.make(make(house, **UNEVEN))
    same(run([make(house, **UNEVEN)], Runtime(**two, parallelism=parallelism))[-1], one)


def mortal(real: Step[Any]) -> Step[Any]:
    """Return the same step, in which the second process dies once."""
    return step(dying.train, real.config, real.inputs, label=real.label)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "machine"),
    [
        (sft, {"parallelism": "ddp"}),
        (dpo, {"parallelism": "ddp", "checkpoint_async": True, "keep_checkpoints": 2}),
        (pretraining, {"parallelism": "fsdp2"}),
    ],
)
def test_when_one_process_is_killed_all_go_on_from_the_last_checkpoint_to_the_same_bytes(
    house: House, two: Settings, make: Any, machine: Settings
) -> None:
    real = make(house)
    undisturbed = run([real], Runtime(**two, **machine))[-1]
    shutil.move(undisturbed.path, two["store"] / "undisturbed")
    undisturbed = type(undisturbed)(two["store"] / "undisturbed", undisturbed.summary)
    elastic = Runtime(**two, **machine, max_restarts=1, checkpoint_seconds=1e-6)
    resumed = run([mortal(real)], elastic)[-1]
    assert resumed.manifest.results == undisturbed.manifest.results
    assert curve(resumed) == curve(undisturbed)
    lines = (resumed.path / "telemetry" / "speed.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, undisturbed.summary["steps"] + 1))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "later"), [(adalora, "fsdp2"), (pretraining, "one")])
def test_a_training_cut_off_in_two_processes_goes_on_in_another_way(
    house: House, two: Settings, make: Any, later: str
) -> None:
    """AdaLoRA from whole weights to cut ones, amid its choice of ranks; and from cut weights to one process."""
    real = make(house)
    first = {"adalora": "ddp", "pretraining": "fsdp2"}[make.__name__]
    with pytest.raises(RuntimeError, match="torchrun ended with"):
        run([mortal(real)], Runtime(**two, parallelism=first, checkpoint_seconds=1e-6))
    machine = {"num_processes": 1} if later == "one" else {"parallelism": later}
    resumed = run([real], Runtime(**{**two, **machine}))[-1]
    same(resumed, house.make(real))
    lines = (resumed.path / "telemetry" / "speed.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, resumed.summary["steps"] + 1))
