"""A checkpoint is whole or not there, whatever the disk says, and one that failed leaves its room to the next."""

import errno
import json
import os
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import House
from tests.training.test_train import sft
from torch import Tensor

from zhiyin.chat.encode import Encoded
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.training import checkpoints
from zhiyin.training.checkpoints import Writer, begin, check_plan, finish, latest, plan_digest
from zhiyin.training.examples import Example
from zhiyin.training.trainer import StepTrainer


def write(folder: Path, step: int) -> Path:
    """Write a checkpoint as far as its files."""
    partial = begin(folder, step)
    for name in ("weights.safetensors", "state.json"):
        (partial / name).write_text(str(step))
    return partial


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_one_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    finish(write(tmp_path, 1))
    finish(write(tmp_path, 12))
    assert latest(tmp_path) == tmp_path / "step-00000012"
    assert names(tmp_path) == ["step-00000012"]


def test_one_that_was_cut_off_is_not_read_and_gives_its_room_back(tmp_path: Path) -> None:
    finish(write(tmp_path, 1))
    write(tmp_path, 2)
    assert latest(tmp_path) == tmp_path / "step-00000001"
    begin(tmp_path, 3)
    assert names(tmp_path) == ["step-00000001", "step-00000003.partial"]


@pytest.mark.parametrize("failing", ["state.json", "step-00000002.partial"])
def test_a_failed_flush_names_the_file_keeps_the_one_before_and_leaks_no_descriptor(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(write(tmp_path, 1))
    partial = write(tmp_path, 2)
    sync = os.fsync

    def broken(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(failing):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=f"Input/output error: .*{failing}'$"):
        finish(partial)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert latest(tmp_path) == tmp_path / "step-00000001"
    assert (partial / "state.json").exists() == (failing != "state.json")


def test_the_new_name_is_on_the_disk_before_the_old_checkpoint_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(write(tmp_path, 1))
    partial = write(tmp_path, 2)
    seen: list[list[str]] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            seen.append(names(tmp_path))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    finish(partial)
    assert seen == [["step-00000001", "step-00000002"]]


@pytest.mark.parametrize(("keep", "left"), [(1, [9]), (2, [7, 9]), (5, [1, 2, 7, 9])])
def test_the_newest_are_kept(tmp_path: Path, keep: int, left: list[int]) -> None:
    for number in (1, 2, 7, 9):
        finish(write(tmp_path, number), keep)
    assert names(tmp_path) == [f"step-{number:08d}" for number in left]


def test_files_in_folders_are_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = write(tmp_path, 1)
    (partial / "shards").mkdir()
    (partial / "shards" / "__0_0.distcp").write_text("0")
    flushed: list[str] = []
    monkeypatch.setattr(checkpoints, "flush", lambda path: flushed.append(path.name))
    finish(partial)
    assert {"shards", "__0_0.distcp", "state.json", "step-00000001.partial"} <= set(flushed)


def fill(writer: Writer, folder: Path, step: int, tensor: Tensor) -> None:
    writer.write(writer.begin(folder, step), {"weights": {"w": tensor}}, {"state": {"step": step}})


@pytest.mark.parametrize("background", [False, True])
def test_what_is_written_is_what_was_there_when_it_was_asked_for(tmp_path: Path, background: bool) -> None:
    writer, tensor, values = Writer(keep=1, background=background), torch.arange(4.0), {"list": [1]}
    held = threading.Event()
    real = checkpoints.fill

    def late(*arguments: Any) -> None:
        held.wait(10)
        real(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        if background:
            patched.setattr(checkpoints, "fill", late)
        writer.write(begin(tmp_path, 1), {"weights": {"w": tensor}}, {"state": values})
        assert (latest(tmp_path) is None) is background
        tensor.zero_()
        values["list"].append(2)
        held.set()
        writer.wait()
    found = tmp_path / "step-00000001"
    assert load_file(found / "weights.safetensors")["w"].tolist() == [0, 1, 2, 3]
    assert json.loads((found / "state.json").read_text()) == {"list": [1]}


def test_one_is_written_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, running = Writer(keep=3, background=True), [0]
    real = checkpoints.fill

    def noted(partial: Path, tensors: Mapping[str, Any], texts: Mapping[str, str], keep: int) -> None:
        running[0] += 1
        assert running[0] == 1
        time.sleep(0.05)
        real(partial, tensors, texts, keep)
        running[0] -= 1

    monkeypatch.setattr(checkpoints, "fill", noted)
    for number in range(1, 6):
        fill(writer, tmp_path, number, torch.full((1000,), float(number)))
    writer.wait()
    assert names(tmp_path) == [f"step-{number:08d}" for number in (3, 4, 5)]


@pytest.mark.parametrize("asked", ["wait", "begin"])
def test_what_goes_wrong_in_the_background_is_raised_once_at_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    writer = Writer(keep=1, background=True)

    def broken(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "weights.safetensors")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "fill", broken)
        fill(writer, tmp_path, 1, torch.zeros(1))
        with pytest.raises(OSError, match="No space left on device"):
            writer.wait() if asked == "wait" else writer.begin(tmp_path, 2)
    fill(writer, tmp_path, 3, torch.zeros(1))
    writer.wait()
    assert names(tmp_path) == ["step-00000003"]


EXAMPLES = [Example("a", (Encoded([1, 2, 3], [False, True, True]),)), Example("b", (Encoded([4, 5], [False, True]),))]


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        (EXAMPLES, [[1], [0]]),
        (EXAMPLES, [[0, 1]]),
        ([EXAMPLES[0], Example("c", EXAMPLES[1].sequences)], [[0], [1]]),
        ([EXAMPLES[0], Example("b", (Encoded([4, 6], [False, True]),))], [[0], [1]]),
        ([Example("a", (Encoded([1, 2, 3], [False, False, True]),)), EXAMPLES[1]], [[0], [1]]),
        ([Example("a", (Encoded([1], [False]), Encoded([2, 3], [True, True]))), EXAMPLES[1]], [[0], [1]]),
    ],
    ids=["order", "steps", "id", "tokens", "mask", "sequences"],
)
def test_a_plan_is_its_examples_their_tokens_and_their_order(examples: list[Example], steps: list[list[int]]) -> None:
    plan = plan_digest(EXAMPLES, [[0], [1]])
    assert plan == plan_digest(list(EXAMPLES), [[0], [1]])
    assert plan != plan_digest(examples, steps)


def test_a_checkpoint_of_another_plan_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "step-00000002"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text(json.dumps({"plan": "abc"}))
    check_plan(checkpoint, "abc")
    with pytest.raises(ValueError, match=r"step-00000002 was written while other examples.*remove .*/checkpoints to"):
        check_plan(checkpoint, "abd")


def test_a_training_does_not_go_on_from_the_checkpoint_of_another_plan(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime(store=tmp_path, device="cpu", checkpoint_seconds=1e-6)
    with monkeypatch.context() as patched:
        patched.setattr(StepTrainer, "training_step", interrupted(StepTrainer.training_step))
        with pytest.raises(RuntimeError, match="cut off"):
            run([sft(house)], runtime)
    (file,) = (tmp_path / ".partial").glob("train-*/checkpoints/step-00000002/state.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "plan": "another"}))
    with pytest.raises(ValueError, match="was written while other examples"):
        run([sft(house)], runtime)
    file.write_text(json.dumps(kept))
    assert run([sft(house)], runtime)[-1].manifest.results == house.make(sft(house)).manifest.results


def interrupted(step: Any) -> Any:
    def until(self: StepTrainer, *arguments: Any, **more: Any) -> Any:
        if self.state.global_step == 2:
            raise RuntimeError("cut off")
        return step(self, *arguments, **more)

    return until


def draw() -> list[float]:
    return [torch.rand(()).item(), random.random(), float(numpy.random.rand())]


def test_every_generator_goes_on_where_it_was_and_a_new_process_starts_anew(tmp_path: Path) -> None:
    saved = []
    for rank in range(2):
        torch.manual_seed(rank)
        random.seed(rank)
        numpy.random.seed(rank)
        draw()
        saved.append(checkpoints.random_state())
    tensors = {f"{rank}.{name}": state for rank, (own, _) in enumerate(saved) for name, state in own.items()}
    values = {"random": {"ranks": [others for _, others in saved]}}
    Writer(keep=1, background=False).write(begin(tmp_path, 1), {"random": tensors}, values)
    expected = draw()
    checkpoints.load_random(tmp_path / "step-00000001", 0)
    assert draw() != expected
    checkpoints.load_random(tmp_path / "step-00000001", 1)
    assert draw() == expected
    before = torch.get_rng_state()
    checkpoints.load_random(tmp_path / "step-00000001", 2)
    assert torch.equal(torch.get_rng_state(), before)
