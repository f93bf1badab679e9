"""What the held-out records show is read off the curve alone, and a broken number leaves the ids of its records."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.house import House
from tests.training.test_train import dpo, losses, pretraining, sft

from zhiyin.artifacts import CurvePoint, curve
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.training.watch import Guards, check_finite, findings

HEALTHY = {"loss": 0.6, "rewards/accuracies": 0.9, "rewards/margins": 2.0, "logps/chosen": -40.0}


def held_out(*changes: dict[str, float]) -> list[CurvePoint]:
    """Return measurements after steps 0, 10, 20, ..., with a step of training between."""
    points = []
    for number, change in enumerate(changes):
        points.append(CurvePoint(10 * number, "held_out", {**HEALTHY, "loss": 0.6 - 0.1 * number, **change}))
        points.append(CurvePoint(10 * number + 1, "train", {"loss": 99.0, "rewards/margins": 99.0}))
    return points


def seen(points: list[CurvePoint], answer_tokens: float = 1.0, **guards: Any) -> list[tuple[str, int, bool]]:
    found = findings(points, Guards.model_validate(guards), answer_tokens)
    return [(one.kind, one.step, one.stops) for one in found]


def test_a_healthy_training_shows_nothing() -> None:
    assert seen(held_out({}, {}, {}, {"logps/chosen": -40.9}), early_stopping_patience=1) == []


def test_saturation_needs_every_pair_won_and_a_large_margin() -> None:
    won, far = {"rewards/accuracies": 1.0}, {"rewards/margins": 10.5}
    assert seen(held_out({}, won, far, {**won, **far}, {**won, **far})) == [("saturation", 30, False)]
    assert seen(held_out({}, {**won, **far}), saturation="stop") == [("saturation", 10, True)]
    assert seen(held_out({}, {**won, **far}), saturation="off") == []
    assert seen(held_out({}, {**won, **far}), saturation_margin=11) == []


def test_collapse_is_a_fall_in_nats_a_token_from_the_first_measurement() -> None:
    points = held_out({}, {"logps/chosen": -49.0}, {"logps/chosen": -51.0})
    assert seen(points, answer_tokens=10.0) == [("collapse", 20, False)]
    assert seen(points, answer_tokens=11.5) == []
    assert seen(points, answer_tokens=10.0, collapse="stop", collapse_nats=0.8) == [("collapse", 10, True)]
    assert seen(points, answer_tokens=10.0, collapse="off") == []
    (finding,) = findings(points, Guards(), 10.0)
    assert "after step 20 the chosen held-out answers have lost 1.1 nats a token" in finding.told


def test_patience_counts_measurements_above_the_lowest_loss() -> None:
    points = held_out(*({"loss": loss} for loss in (0.6, 0.5, 0.55, 0.5, 0.4, 0.41, 0.42, 0.43)))
    assert seen(points, early_stopping_patience=3) == [("patience", 70, True)]
    assert seen(points, early_stopping_patience=2) == [("patience", 30, True)]
    assert seen(points) == []


def test_a_later_point_does_not_change_an_earlier_verdict() -> None:
    """The verdict at a step is the same when it is read off the whole curve, as after an interruption."""
    points = held_out({}, {"logps/chosen": -60.0}, {}, {"logps/chosen": -70.0})
    whole = seen(points)
    assert whole == [("collapse", 10, False)]
    for cut in range(3, len(points) + 1):
        assert seen(points[:cut]) == whole


def test_running_text_and_conversations_have_no_pairs_to_watch() -> None:
    points = [CurvePoint(step, "held_out", {"loss": 3.0 + step}) for step in range(3)]
    assert seen(points) == []
    assert seen(points, early_stopping_patience=2) == [("patience", 2, True)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_broken_number_stops_and_keeps_the_records(tmp_path: Path, value: float) -> None:
    folder = tmp_path / "checkpoints"
    check_finite("loss", 1e30, 7, ["c1"], folder)
    assert not folder.exists()
    file = folder / "broken-step-7.json"
    with pytest.raises(FloatingPointError, match=rf"the loss of step 7 is {value}; lower learning_rate.*: {file}"):
        check_finite("loss", value, 7, ["c1", "诗"], folder)
    assert json.loads(file.read_text(encoding="utf-8")) == {"step": 7, "loss": str(value), "records": ["c1", "诗"]}


def test_a_training_that_breaks_leaves_the_ids_beside_its_checkpoints(house: House, tmp_path: Path) -> None:
    broken = pretraining(house, learning_rate=1e12, max_grad_norm=0, warmup_ratio=0, num_train_epochs=20)
    with pytest.raises(FloatingPointError, match=r"the (loss|gradient norm) of step") as error:
        run([broken], Runtime(store=tmp_path, device="cpu"))
    (file,) = (tmp_path / ".partial").glob("train-*/checkpoints/broken-step-*.json")
    assert str(file) in str(error.value)
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert len(kept["records"]) == 4
    assert all(id.startswith("block-") for id in kept["records"])


def test_a_broken_gradient_is_caught_before_the_optimiser_uses_it(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss is finite; only the norm is not. No weight may have been touched by it."""
    import torch

    from zhiyin.training.trainer import StepTrainer

    def spoilt(self: StepTrainer, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Any:
        loss = original(self, model, inputs, num_items_in_batch)
        if self.state.global_step == 2:
            next(p for p in model.parameters() if p.grad is not None).grad.fill_(float("inf"))  # type: ignore[union-attr]
        return loss

    original = StepTrainer.training_step
    monkeypatch.setattr(StepTrainer, "training_step", spoilt)
    stepped: list[int] = []
    after = torch.optim.AdamW.step

    def counted(self: torch.optim.AdamW, closure: Any = None) -> Any:
        stepped.append(1)
        return after(self, closure)

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    with pytest.raises(FloatingPointError, match=r"the gradient norm of step 3 is (inf|nan)"):
        run([sft(house)], Runtime(store=tmp_path, device="cpu"))
    assert len(stepped) == 2


STOPS = {"collapse": "stop", "collapse_nats": 1e-6, "probes": 0}


def test_a_warning_is_told_once_and_kept(house: House, caplog: pytest.LogCaptureFixture) -> None:
    guards = {"saturation_margin": 1e-3, "probes": 0}
    artifact = house.make(dpo(house, guards=guards, seed=11))
    told = [record.getMessage() for record in caplog.records if "saturation" in record.getMessage()]
    assert len(told) == 1
    assert artifact.summary["findings"] == told
    assert "stopped_early" not in artifact.summary
    assert len(losses(artifact)) == artifact.summary["steps"]


def test_early_stopping_ends_the_training_and_says_why(house: House) -> None:
    artifact = house.make(sft(house, learning_rate=0.5, guards={"early_stopping_patience": 1, "probes": 0}))
    measured = losses(artifact, "held_out")
    assert measured[-1] >= min(measured[:-1])
    assert measured[1:-1] == sorted(measured[1:-1], reverse=True)
    step = curve(artifact)[-1].step
    assert artifact.summary["stopped_early"] == {"step": step, "reason": "patience"}
    assert step == len(losses(artifact)) < artifact.summary["steps"] == 8


def test_a_stopped_training_taken_up_again_stops_at_the_same_step(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after its last step, while the weights are written, and then goes on from the checkpoint before."""
    from zhiyin.training.adapters.lora import Lora

    recipe = {"learning_rate": 0.5, "guards": {"early_stopping_patience": 1, "probes": 0}}
    whole = house.make(sft(house, **recipe))
    runtime = Runtime(store=tmp_path, device="cpu", checkpoint_seconds=1e-6)

    def dies(*args: Any) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr(Lora, "save", dies)
        with pytest.raises(OSError, match="no space"):
            run([sft(house, **recipe)], runtime)
    (checkpoint,) = (tmp_path / ".partial").glob("train-*/checkpoints/step-*")
    assert int(checkpoint.name.removeprefix("step-")) == whole.summary["stopped_early"]["step"] - 1
    again = run([sft(house, **recipe)], runtime)[-1]
    assert again.summary == whole.summary
    assert again.manifest.results == whole.manifest.results
