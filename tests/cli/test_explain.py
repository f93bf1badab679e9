"""`zhiyin explain` names what changed, and exactly the steps that follow from it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import Checkpoint
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

Call = Callable[..., Any]


def test_before_anything_is_made(here: Path, zhiyin: Call) -> None:
    shown = zhiyin("explain", "little.yaml")
    assert shown.exit_code == 0
    assert shown.output.splitlines()[:2] == ["[ 1/10] exam          to make", "        never made"]
    assert shown.output.splitlines()[-1] == "10 steps: 0 held, 10 to make."
    assert not Path("store").exists()


def test_one_learning_rate(here: Path, zhiyin: Call) -> None:
    zhiyin("run", "little.yaml")
    assert zhiyin("explain", "little.yaml").output.splitlines()[-1] == "10 steps: 10 held, 0 to make."
    lines = zhiyin("explain", "little.yaml", "sft.learning_rate=0.2").output.splitlines()
    changed = [line.split()[-3] for line in lines if line.endswith("to make")]
    assert changed == ["sft", "answers_sft", "score_sft", "summary", "verdict"]
    assert lines[5].startswith("[ 6/10] sft")
    assert "        config.learning_rate: 0.1 -> 0.2" in lines
    assert "        inputs.model: " in "\n".join(lines)
    assert lines[-1] == "10 steps: 5 held, 5 to make."
    assert len(list(Path("store").glob("train-*"))) == 1


def test_changed_code_is_a_warning(here: Path, zhiyin: Call, rooms: Path) -> None:
    zhiyin("run", "little.yaml")
    module = rooms / "fake_cli_rooms" / "data" / "collect.py"
    source = module.read_text()
    try:
        module.write_text(source + "# a change\n")
        shown = zhiyin("explain", "little.yaml").output
    finally:
        module.write_text(source)
    assert "warning: fake_cli_rooms.data.collect changed since, its version did not" in shown
    assert shown.count("warning") == 1


def test_broken_recipe(here: Path, zhiyin: Call) -> None:
    refused = zhiyin("explain", "little.yaml", "sft.learning_rat=1")
    assert refused.exit_code == 2
    assert "unknown key (did you mean 'learning_rate'?)" in refused.output


def test_a_step_says_what_it_will_take(here: Path, zhiyin: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what its inputs will be, or are; a step that is held has nothing to say."""
    told: list[tuple[Any, Runtime]] = []

    def forecast(config: StepConfig, inputs: Any, runtime: Runtime) -> list[str]:
        if not type(config).__module__.endswith(".train"):
            return []
        told.append((inputs["model"], runtime))
        return ["memory: 2.00 GiB", "    weights 1.00 GiB"]

    monkeypatch.setattr(StepConfig, "foresee", lambda config, inputs: f"{type(config).__module__} of {len(inputs)}")
    monkeypatch.setattr(StepConfig, "forecast", forecast)
    options = ("--device", "cpu", "--micro-batch-tokens", "77", "--runtime", "num_processes=2")
    lines = zhiyin("explain", "little.yaml", *options).output.splitlines()
    at = lines.index("        memory: 2.00 GiB")
    assert lines[at - 2].startswith("[ 6/10] sft")
    assert lines[at - 1 : at + 2] == ["        never made", "        memory: 2.00 GiB", "            weights 1.00 GiB"]
    model, runtime = told[0]
    assert model == "fake_cli_rooms.weights.tiny of 0"
    assert (runtime.device, runtime.micro_batch_tokens, runtime.num_processes) == ("cpu", 77, 2)
    zhiyin("run", "little.yaml")
    assert "memory" not in zhiyin("explain", "little.yaml").output
    zhiyin("explain", "little.yaml", "sft.learning_rate=0.2")
    assert isinstance(told[-1][0], Checkpoint)
    assert len(told) == 2
