"""A step in several processes: each reads the same order, rank 0 hands the summary back."""

import json
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.execution.ranks import Config, ranks
from tests.execution.toys import GatherConfig, Number, Style, gather

from zhiyin.execution import worker
from zhiyin.execution.artifact import Manifest
from zhiyin.execution.runner import Event, run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.execution.store import Store


@pytest.fixture
def note(tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text("！")
    return file


def together(note: Path, *, fail: bool = False, pause: float = 0.0) -> Step[Number]:
    line = step(gather, GatherConfig(), label="line")
    config = Config(file=note, style=Style(width=7), fail=fail, pause=pause)
    return step(ranks, config, {"text": line}, label="together")


def order(tmp_path: Path, note: Path, runtime: Runtime) -> Path:
    """Write what the runner writes for its workers."""
    line = run([step(gather, GatherConfig())], runtime)[0]
    out, file = tmp_path / "out", tmp_path / "order"
    out.mkdir()
    given = {"out": out, "runtime": Runtime(store=runtime.store, num_processes=2), "text": line}
    file.write_bytes(pickle.dumps((ranks, Config(file=note), given)))
    return file


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_process_of_a_machine_leaves_a_summary(
    rank: int, tmp_path: Path, note: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", "2")
    file = order(tmp_path, note, runtime)
    worker.main(file)
    assert (tmp_path / "out" / f"rank-{rank}.txt").read_text() == f"{rank} of 2: 春眠不觉晓！"
    summary = file.with_suffix(".summary")
    assert summary.exists() == (rank == 0)
    if rank == 0:
        assert json.loads(summary.read_text()) == {"size": 2, "width": 1, "characters": 5, "runtime": 2}


@pytest.fixture
def two(runtime: Runtime, child_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.setenv("PYTHONPATH", child_environment["PYTHONPATH"])
    return Runtime(store=runtime.store, num_processes=2)


@pytest.mark.slow
def test_under_torchrun_every_rank_writes_and_the_artifact_is_whole(note: Path, two: Runtime) -> None:
    plan = together(note)
    artifact = run([plan], two)[-1]
    assert artifact.summary == {"size": 2, "width": 7, "characters": 5, "runtime": 2}
    assert sorted(artifact.manifest.files) == ["rank-0.txt", "rank-1.txt"]
    assert (artifact.path / "rank-1.txt").read_text() == "1 of 2: 春眠不觉晓！"
    assert [path.name for path in (two.store / ".partial").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.slow
def test_a_rank_that_fails_fails_the_step(note: Path, two: Runtime) -> None:
    plan = together(note, fail=True)
    with pytest.raises(RuntimeError, match="together: torchrun ended with 1; its output is above"):
        run([plan], two)
    assert not Store(two.store).path(plan).exists()


LEFT = """
import sys
from pathlib import Path
from tests.execution.test_worker import together
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime

run([together(Path(sys.argv[1]), pause=float(sys.argv[3]))], Runtime(store=Path(sys.argv[2]), num_processes=2))
"""


@pytest.mark.slow
def test_nobody_writes_beside_the_workers_of_a_process_that_was_killed(note: Path, two: Runtime) -> None:
    """A SIGKILL reaches the runner alone; torchrun and its workers go on, and keep the lock of the step."""
    pause = 4.0

    def alive() -> int:
        return len(list(note.parent.glob("alive-*")))

    killed = subprocess.Popen([sys.executable, "-c", LEFT, str(note), str(two.store), str(pause)])
    until = time.monotonic() + 60
    while alive() < 2:
        assert time.monotonic() < until, "the workers do not start"
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert alive() == 2
    states: list[tuple[str, int]] = []

    def watch(event: Event) -> None:
        if event.step.label == "together":
            states.append((event.state, alive()))

    run([together(note, pause=pause)], two, watch)
    assert states == [("waiting", 2), ("making", 0), ("made", 0)]


def test_a_step_that_is_not_parallel_stays_in_this_process(two: Runtime) -> None:
    artifact = run([step(gather, GatherConfig())], two)[0]
    assert artifact.summary == {"characters": 5}
    assert not list(artifact.path.glob("rank-*"))


@pytest.mark.slow
def test_two_machines_that_share_a_store_run_one_step_together(note: Path, two: Runtime) -> None:
    """The first to come commits, the other takes part; here both are this machine."""
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    meeting = {"nodes": 2, "rendezvous": f"localhost:{port}"}
    command = [sys.executable, "-c", JOINED, str(note), str(two.store), json.dumps(meeting)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    states = sorted(json.loads(other.communicate()[0].splitlines()[-1]) for other in others)
    assert [other.returncode for other in others] == [0, 0]
    assert states == [["making", "made"], ["waiting", "held"]]
    (artifact,) = Store(two.store).root.glob("ranks-*")
    assert sorted(path.name for path in artifact.glob("rank-*")) == ["rank-0.txt", "rank-1.txt"]
    assert Manifest.read(artifact).summary["size"] == 2


JOINED = """
import json, sys
from pathlib import Path
from tests.execution.test_worker import together
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime

states = []
runtime = Runtime(store=Path(sys.argv[2]), **json.loads(sys.argv[3]))
run([together(Path(sys.argv[1]), pause=1.0)], runtime, lambda event: states.append([event.step.label, event.state]))
print(json.dumps([state for label, state in states if label == "together"]))
"""
