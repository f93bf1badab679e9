"""What happens around the steps: telemetry apart from the curve, reporters, and the guards' acts."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.house import House
from tests.training.test_train import dpo, pretraining, sft
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from zhiyin.artifacts import CurvePoint, curve
from zhiyin.chat.template import load_encoder
from zhiyin.execution.catalog import make
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.training.callbacks import Watch
from zhiyin.training.objectives import Objective
from zhiyin.training.overlength import take_in
from zhiyin.training.watch import Guards

QUIET = {"guards": {"probes": 0}}


def test_seconds_speed_and_memory_are_telemetry_and_the_curve_is_not(house: House, tmp_path: Path) -> None:
    first, second = (
        run([sft(house, **QUIET)], Runtime(store=tmp_path / name, device="cpu"))[-1] for name in ("one", "other")
    )
    lines = [json.loads(line) for line in (first.path / "telemetry/speed.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 9))
    assert all(line["seconds"] > 0 for line in lines)
    assert all(line["memory_bytes"] > 1e7 for line in lines)
    trained = [point for point in curve(first) if point.split == "train"]
    for line, point in zip(lines, trained, strict=True):
        tokens = line["supervised_tokens_per_second"] * line["seconds"]
        assert tokens == pytest.approx(point.values["supervised_tokens"], rel=0.05)
        assert set(point.values) == {"loss", "grad_norm", "learning_rate", "supervised_tokens"}
    assert first.manifest.files["telemetry/speed.jsonl"].role == "telemetry"
    assert first.manifest.results["curve.jsonl"] == second.manifest.results["curve.jsonl"]


def test_the_supervised_tokens_of_a_step_are_counted(house: House) -> None:
    """One epoch sees every supervised token once."""
    artifact = house.make(sft(house, num_train_epochs=1, **QUIET))
    encoder = load_encoder(house.make(house.gemma).path)
    objective = make(Objective, "cross_entropy")
    found = take_in(house.make(house.chats), objective, encoder, max_length=1024).examples
    expected = sum(sum(sequence.mask[1:]) for example in found for sequence in example.sequences)
    trained = [point for point in curve(artifact) if point.split == "train"]
    assert sum(point.values["supervised_tokens"] for point in trained) == expected


def test_padding_is_counted_where_rows_are_padded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from zhiyin.training import layout

    def padded(model: Any, examples: Any, *, tokens: int, pad_id: int, **kw: Any) -> layout.Layout:
        return layout.Layout(tokens, pad_id, packed=False, share=False)

    monkeypatch.setattr(layout, "choose", padded)
    artifact = house.make(sft(house, seed=5, num_train_epochs=1, batch_size=7, **QUIET))
    (point,) = [point for point in curve(artifact) if point.split == "train"]
    lengths = [26, 26, 30, 28, 32, 36, 34]
    assert artifact.summary["layout"].startswith("padded")
    assert point.values["padding_share"] == pytest.approx(1 - sum(lengths) / (7 * max(lengths)))


class Recorder(TrainerCallback):
    """Stands in for TensorBoard."""

    seen: list[tuple[int, dict[str, float]]] = []  # noqa: RUF012
    folders: list[str | None] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.logging_dir: str | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kw: Any) -> None:
        """See where it would write."""
        self.folders.append(self.logging_dir)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kw: Any) -> None:
        """Keep what it is shown."""
        self.seen.append((state.global_step, dict(logs)))


def test_reporters_see_the_curve(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "tensorboard", Recorder)
    monkeypatch.setattr(Recorder, "seen", [])
    monkeypatch.setattr(Recorder, "folders", [])
    runtime = Runtime(store=tmp_path, device="cpu", report_to="tensorboard")
    artifact = run([dpo(house, **QUIET)], runtime)[-1]
    points: dict[int, dict[str, float]] = {}
    for point in curve(artifact)[1:]:
        prefix = "eval_" if point.split == "held_out" else ""
        points.setdefault(point.step, {}).update({prefix + name: value for name, value in point.values.items()})
    assert dict(Recorder.seen) == points
    assert "eval_rewards/margins" in points[max(points)]
    assert Recorder.folders == [str(tmp_path / ".partial" / artifact.path.name / "telemetry" / "tensorboard")]
    plain = run([dpo(house, **QUIET)], Runtime(store=tmp_path / "plain", device="cpu"))[-1]
    assert plain.path.name == artifact.path.name
    assert plain.manifest.results == artifact.manifest.results
    assert len(Recorder.folders) == 1


def test_cautions_are_told_before_and_kept(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from zhiyin.training.objectives.causal_lm import CausalLm

    monkeypatch.setattr("zhiyin.training.train.LARGE", 0)
    monkeypatch.setattr(CausalLm, "cautions", lambda self, rate: [f"{rate} is bold"] if rate > 1e-3 else [])
    bold = house.make(pretraining(house, seed=9, **QUIET))
    assert bold.summary["cautions"] == ["0.01 is bold"]
    assert caplog.text.count("0.01 is bold") == 1
    assert "cautions" not in house.make(pretraining(house, seed=9, learning_rate=1e-4, **QUIET)).summary


@pytest.mark.parametrize(("needs_reference", "fell"), [(True, 0), (False, 1)])
def test_a_sum_over_an_answer_is_taken_a_token_at_a_time(needs_reference: bool, fell: int) -> None:
    """Where `logps/chosen` is a sum over 20 tokens, a fall by 10 nats is half a nat a token; a mean stays as it is."""
    from types import SimpleNamespace

    sequence = SimpleNamespace(mask=[False] + [True] * 20)
    held_out = SimpleNamespace(examples=[SimpleNamespace(sequences=(sequence, None))] * 2)
    work = SimpleNamespace(objective=SimpleNamespace(needs_reference=needs_reference))
    points = [CurvePoint(step, "held_out", {"loss": 1.0, "logps/chosen": -30.0 - step}) for step in (0, 10)]
    trainer: Any = SimpleNamespace(held_out=held_out, work=work, curve=points)
    assert len(Watch(trainer, Guards()).findings) == fell
