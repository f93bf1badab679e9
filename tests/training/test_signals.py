"""Real signals to real trainings: the step is finished, a checkpoint written, the next run ends in the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from tests.training.house import House
from tests.training.test_train import dpo, sft

from zhiyin.artifacts import curve
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.training.signals import SIGNALS, heard

STEPS = {"num_train_epochs": 30, "guards": {"probes": 0}}
LONG = {**STEPS, "num_train_epochs": 200}
"""For two processes, whose steps are not slowed: a busy machine must not be done before the signal comes."""
CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import torch
    from tests.training import test_signals
    from tests.training.house import build
    from zhiyin.execution.runner import run
    from zhiyin.execution.runtime import Runtime

    torch.set_num_threads(1)
    store, processes, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    step = getattr(test_signals, name)(build(store), **(test_signals.LONG if processes > 1 else test_signals.STEPS))
    if len(sys.argv) > 4:
        from zhiyin.training.trainer import StepTrainer
        import time
        original = StepTrainer.training_step
        def slow(self, *arguments, **more):
            if self.state.global_step == int(sys.argv[4]):
                Path(sys.argv[1], "there").touch()
                time.sleep(float(sys.argv[5]))
            return original(self, *arguments, **more)
        StepTrainer.training_step = slow
    try:
        run([step], Runtime(store=store, device="cpu", num_processes=processes, checkpoint_seconds=1e6))
    except KeyboardInterrupt as stop:
        sys.exit(128 + (stop.args[0] if stop.args else 2))
    """
)


@pytest.fixture
def store(house: House, tmp_path: Path) -> Path:
    """Return a store of its own with the models and records in it."""
    folder = tmp_path / "store"
    shutil.copytree(house.runtime.store, folder, ignore=shutil.ignore_patterns("train-*", ".partial"))
    return folder


def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until(found: object, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there, or until `found()` is true."""
    for _ in range(6000):
        if found() if callable(found) else Path(str(found)).exists():
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {found}")


def checkpoints(store: Path) -> list[str]:
    return sorted(path.name for path in store.glob(".partial/train-*/checkpoints/step-*"))


def lines(store: Path) -> int:
    """Count the steps that were taken."""
    return sum(len(file.read_text().splitlines()) for file in store.glob(".partial/train-*/telemetry/speed.jsonl"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "number", "at"),
    [(sft, signal.SIGINT, 3), (sft, signal.SIGTERM, 3), (dpo, signal.SIGINT, 4), (sft, signal.SIGINT, 59)],
)
def test_a_signal_finishes_the_step_and_the_next_run_ends_in_the_same_bytes(
    house: House, store: Path, child_environment: dict[str, str], make: object, number: signal.Signals, at: int
) -> None:
    """Also in the last of the 60 steps, which is finished: what is left to do then is to write the weights."""
    name = make.__name__  # type: ignore[attr-defined]
    process = start(child_environment, store, 1, name, at, 1.0)
    until(store / "there", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "this step is finished first and a checkpoint is written" in err
    assert checkpoints(store) == [f"step-{at + 1:08d}"]
    assert not list(store.glob("train-*"))
    step = globals()[name](house, **STEPS)
    resumed = run([step], Runtime(store=store, device="cpu"))[-1]
    undisturbed = house.make(step)
    assert resumed.manifest.results == undisturbed.manifest.results
    assert curve(resumed) == curve(undisturbed)


@pytest.mark.slow
def test_a_second_signal_ends_it_where_it_stands(store: Path, child_environment: dict[str, str]) -> None:
    process = start(child_environment, store, 1, "sft", 2, 60.0)
    until(store / "there", process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert checkpoints(store) == []


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["starter", "torchrun", "worker"])
def test_two_processes_stop_at_the_same_step_whoever_hears_the_signal(
    house: House, store: Path, child_environment: dict[str, str], whom: str
) -> None:
    process = start(child_environment, store, 2, "sft")
    until(lambda: lines(store) >= 3, process)
    if whom == "starter":
        os.kill(process.pid, signal.SIGINT)
    else:
        (torchrun,) = children(process.pid)
        os.kill(torchrun if whom == "torchrun" else children(torchrun)[1], signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (130 if whom == "starter" else 1), err
    assert not list(store.glob("train-*"))
    (kept,) = checkpoints(store)
    assert 3 <= int(kept.removeprefix("step-")) < 400
    runtime = Runtime(store=store, device="cpu", num_processes=2)
    resumed = run([sft(house, **LONG)], runtime)[-1]
    shutil.rmtree(resumed.path)
    undisturbed = run([sft(house, **LONG)], runtime)[-1]
    assert resumed.summary == undisturbed.summary
    assert lines(store) == 0


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_handlers_are_put_back_and_a_signal_is_told_at_the_end() -> None:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    went_on = False
    with pytest.raises(KeyboardInterrupt) as stop:  # noqa: PT012
        with heard() as request:
            signal.raise_signal(signal.SIGTERM)
            went_on = request.number == signal.SIGTERM
        raise AssertionError("the signal was lost")
    assert went_on
    assert stop.value.args == (signal.SIGTERM,)
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


def test_under_torchrun_the_exit_code_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    with pytest.raises(SystemExit) as stop, heard():
        signal.raise_signal(signal.SIGINT)
    assert stop.value.code == 130


def test_in_another_thread_nothing_is_caught() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def enter() -> None:
        with heard() as request:
            seen.append((request.number, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(0, before)]
