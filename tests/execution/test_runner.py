"""A plan is made once, in order, and goes on where it ended."""

from pathlib import Path
from typing import Any

import pytest
from tests.execution.toys import CountConfig, GatherConfig, Text, count, counted, gather, poem

from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import Event, run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.execution.store import Store


def states_of(targets: list[Any], runtime: Runtime) -> list[tuple[str, str, int, int]]:
    seen: list[tuple[str, str, int, int]] = []

    def watch(event: Event) -> None:
        seen.append((event.step.label, event.state, event.number, event.total))

    run(targets, runtime, watch)
    return seen


def test_a_plan_runs_in_order_and_tells_its_watcher(runtime: Runtime) -> None:
    assert states_of([poem()], runtime) == [
        ("first", "making", 1, 3),
        ("first", "made", 1, 3),
        ("second", "making", 2, 3),
        ("second", "made", 2, 3),
        ("poem", "making", 3, 3),
        ("poem", "made", 3, 3),
    ]


def test_a_held_step_is_not_run_again(runtime: Runtime) -> None:
    run([poem()], runtime)
    assert [state for _, state, _, _ in states_of([poem()], runtime)] == ["held"] * 3
    states = states_of([counted()], runtime)
    assert [(label, state) for label, state, _, _ in states if state != "held"] == [
        ("counted", "making"),
        ("counted", "made"),
    ]


def test_it_returns_an_artifact_for_every_step_of_its_own_type(runtime: Runtime) -> None:
    first = run([poem()], runtime)
    again = run([poem()], runtime)
    assert [type(artifact) for artifact in first] == [Text] * 3
    assert first == again


class Gate(StepConfig):
    """A verb that works only while a file is there."""

    door: str
    """Where the file should be."""


def enter(config: Gate, *, out: Path, runtime: Runtime) -> Text:
    (out / "text.txt").write_text("进")
    if not Path(config.door).exists():
        raise RuntimeError("the door is shut")
    return Text(out)


def test_an_exception_leaves_nothing_under_the_name_and_the_next_run_goes_on(tmp_path: Path, runtime: Runtime) -> None:
    door = tmp_path / "door"
    first = step(gather, GatherConfig(), label="first")
    gate = step(enter, Gate(door=str(door)), label="gate")
    store = Store(runtime.store)
    with pytest.raises(RuntimeError, match="the door is shut"):
        run([first, gate], runtime)
    assert store.holds(first)
    assert not store.holds(gate)
    assert not store.path(gate).exists()
    door.touch()
    states = [(label, state) for label, state, _, _ in states_of([first, gate], runtime)]
    assert states == [("first", "held"), ("gate", "making"), ("gate", "made")]
    assert store.open(gate).content == "进"


def test_a_failed_step_stops_the_run_before_what_stands_on_it(tmp_path: Path, runtime: Runtime) -> None:
    gate = step(enter, Gate(door=str(tmp_path / "door")), label="gate")
    above = step(count, CountConfig(), {"text": gate}, label="above")
    with pytest.raises(RuntimeError, match="the door is shut"):
        run([above], runtime)
    assert not Store(runtime.store).path(above).exists()


def test_a_step_needed_twice_runs_once(runtime: Runtime) -> None:
    twin = step(gather, GatherConfig(), label="a twin")
    same = step(gather, GatherConfig(), label="of itself")
    assert [(label, state) for label, state, _, _ in states_of([twin, same], runtime)] == [
        ("a twin", "making"),
        ("a twin", "made"),
    ]
