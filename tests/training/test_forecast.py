"""What is said of a training before it runs is what the training then does."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.training.house import House

from zhiyin.artifacts import ConversationSet
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.records.conversation import Conversation, Message
from zhiyin.training import forecast, train
from zhiyin.training.memory import Parts, Rehearsal, Row
from zhiyin.weights.foreseen import Foreseen, foreseen


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


def settings(**more: Any) -> train.Config:
    return train.Config.model_validate(
        {
            "objective": "cross_entropy",
            "adapter": {"name": "lora", "rank": 2, "control_tokens": True},
            "batch_size": 3,
            "guards": {"probes": 0},
            "num_train_epochs": 2,
            "max_length": 64,
            **more,
        }
    )


def said(config: train.Config, inputs: Mapping[str, Any], runtime: Runtime) -> str:
    return "\n".join(config.forecast(inputs, runtime))


def test_what_is_said_is_what_happens(house: House) -> None:
    config, runtime = settings(), house.runtime.model_copy(update={"micro_batch_tokens": 40})
    inputs = {"model": house.gemma, "data": house.chats}
    text = said(config, {name: house.make(each) for name, each in inputs.items()}, runtime)
    made: Artifact = house.make(step(train.train, config, inputs))
    summary = made.summary
    assert f"of which {summary['trained_parameters']:,} are trained" in text
    assert f"{summary['tokens'] // 2:,} tokens an epoch in {summary['examples']} examples" in text
    assert f"{summary['steps']} optimiser steps" in text
    aside = summary.get("set_aside_by_source", {}).get("test", {})
    assert ("set aside or cut: test" in text) == bool(aside)


def test_what_is_not_there_is_foreseen_or_known_later(house: House) -> None:
    """Before anything is made the tokenizer's size and the model's fields tell the shapes; nobody tells the tokens."""
    tokenizer = house.gemma.flat_inputs["tokenizer"]
    foretold = house.gemma.config.foresee({"tokenizer": tokenizer.config.foresee({})})
    early = said(settings(), {"model": foretold, "data": None}, house.runtime)
    late = said(settings(), {"model": house.make(house.gemma), "data": None}, house.runtime)
    assert "tokens and steps: known once data and tokenizer are there" in early
    assert [line.split(" ")[0] for line in early.splitlines()[:2]] == ["parameters:", "memory:"]
    known = house.gemma.config.foresee({"tokenizer": house.make(tokenizer)})
    assert foreseen(house.make(house.gemma)).shape["vocab_size"] == known.shape["vocab_size"]  # type: ignore[union-attr]
    assert said(settings(), {"model": known, "data": None}, house.runtime).splitlines()[0] == late.splitlines()[0]
    blind = said(settings(), {"model": None, "data": None}, house.runtime)
    assert "parameters and memory: known once there is a model" in blind


def test_what_cannot_be_told_is_said(house: House) -> None:
    """A plan is shown whole, whatever one of its trainings will run into."""
    strange = said(settings(), {"model": Foreseen({"model_type": "no-such"}), "data": None}, house.runtime)
    assert "memory: not known, since this model could not be rehearsed: " in strange
    short = said(
        settings(max_length=2), {"model": house.make(house.gemma), "data": house.make(house.chats)}, house.runtime
    )
    assert "no record can be learnt from with max_length 2" in short


def test_a_training_foresees_the_shapes_of_its_model(house: House) -> None:
    made = house.make(house.llama)
    foretold = settings().foresee({"model": made})
    assert foretold is not None
    assert foretold.shape["hidden_size"] == 32
    assert foretold.tokenizer == made.path


def test_long_records_are_counted_by_source(house: House, tmp_path: Path) -> None:
    records = [
        Conversation(f"{source}{n}", (Message("user", "一加一" * length), Message("assistant", "二。")), source)
        for source, length in (("short", 1), ("long", 200), ("short", 2))
        for n in range(length // 60 + 1)
    ]
    wordy = Conversation("x", (Message("user", "一加一"), Message("assistant", "二。" * 200)), "wordy")
    data = ConversationSet.write(tmp_path, [*records, wordy])
    model = house.make(house.gemma).path
    dropped, cut = (
        forecast.read(settings(guards={"probes": 0, "overlength": policy}), data, 7, model, house.runtime)
        for policy in ("drop", "truncate")
    )
    assert dropped.aside == {"long": 4, "wordy": 1}
    assert (dropped.examples, cut.examples) == (2, 3)
    assert cut.aside == {"long": 4, "wordy": 1}  # the end of an answer can be cut off, not a whole one


def test_a_large_set_is_sampled_and_said_to_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    data, model = house.make(house.chats), house.make(house.gemma).path
    whole = forecast.read(settings(), data, 7, model, house.runtime)
    assert not whole.sampled
    monkeypatch.setattr(forecast, "MOST_READ", 3)
    part = forecast.read(settings(), data, 7, model, house.runtime)
    assert part.sampled
    assert part.examples == math.ceil(len(range(0, 7, 3))) * 3
    monkeypatch.setattr(forecast, "MOST_READ", 100)
    monkeypatch.setattr(forecast, "MOST_LAID", 3)
    laid = forecast.read(settings(), data, 7, model, house.runtime)
    assert laid.sampled
    assert laid.examples == whole.examples
    assert laid.steps == whole.steps


def test_a_step_in_one_pass_does_not_accumulate(house: House) -> None:
    data, model = house.make(house.chats), house.make(house.gemma).path
    wide = house.runtime.model_copy(update={"micro_batch_tokens": 4096})
    tight = house.runtime.model_copy(update={"micro_batch_tokens": 40})
    assert not forecast.read(settings(), data, 7, model, wide).accumulates
    narrow = forecast.read(settings(), data, 7, model, tight)
    assert narrow.accumulates
    assert narrow.largest.tokens <= max(40, narrow.largest.length)


def test_the_largest_row_fits_and_the_next_does_not() -> None:
    def parts(row: Row, device: str, **_: Any) -> Parts:
        return Parts(100, 0, 0, row.tokens, 0, 0)

    rehearsal: Any = SimpleNamespace(parts=parts)
    assert forecast.largest_row(rehearsal, Row(9, 9), "cpu", 100 + 5130) == 5120
    assert forecast.largest_row(rehearsal, Row(9, 9), "cpu", 99) == 0


def test_memory_that_is_free(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  100 kB\nMemAvailable:    64 kB\n")
    assert forecast._available(meminfo) == 64 * 1024
    assert forecast._available(tmp_path / "none") > 1 << 20
    assert forecast.free_memory("cpu") > 1 << 20


def test_bytes_in_words() -> None:
    assert forecast.gibibytes(3 << 29) == "1.50 GiB"
    assert forecast.gibibytes(97 << 20) == "97 MiB"


def test_equal_shapes_are_rehearsed_once() -> None:
    one, other = (
        forecast._rehearsal('{"model_type": "llama"}', settings().adapter, "float32", checkpointing=False) for _ in "ab"
    )
    assert one is other
    assert isinstance(one, Rehearsal)
