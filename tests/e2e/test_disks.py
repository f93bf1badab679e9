"""A disk that is full, broken or read-only: the run says so in plain words, and the store stays whole."""

import errno
import shutil
from pathlib import Path

import pytest
from tests.e2e.faults import FULL_DEVICE, Order
from tests.e2e.mounts import can_mount, small_disk
from tests.e2e.small import RUN, ZHIYIN, Ended, Place, assert_same, contents, loss_curve, notes, unfinished

from zhiyin.execution.step import in_order
from zhiyin.execution.store import PARTIAL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(FULL_DEVICE).exists(), reason=f"there is no {FULL_DEVICE}"),
]

FULL = "the disk is full"
BROKEN = "the disk reports an I/O error"
READ_ONLY = "the disk is read-only"
ADVICE = {
    FULL: "Free some space and run again.",
    BROKEN: "Look into the log of the system (dmesg) before you run again.",
    READ_ONLY: "Make it writable, or give another folder with --store, and run again.",
}
LATER = r"step-00000(0[2-9]|1)\d\.partial"
"""A checkpoint that is not among the first."""


def partial(place: Place, label: str) -> str:
    """Return the folder in which a step is made, as messages write it."""
    return f"store/{PARTIAL}/{place.recipe.steps[label].folder}"


def assert_told(ended: Ended, label: str, cause: str, where: str) -> None:
    """One plain message: the step, the cause, the file or folder, and what to do."""
    assert ended.code == 1, ended.err
    first, advice = ended.err.splitlines()[:2]
    assert first == f"{label}: {cause}: {where}"
    assert advice.endswith(ADVICE[cause])
    assert "Traceback" not in ended.out + ended.err
    assert "--traceback shows where in the code it failed." in ended.err


def assert_part_of(place: Place, undisturbed: Place) -> None:
    """Check that everything under a final name is whole, and what the undisturbed run made."""
    every = contents(undisturbed.store)
    for folder, results in contents(place.store).items():
        assert results == every[folder], folder


@pytest.mark.parametrize(
    ("fail", "error", "cause", "named"),
    [
        ("write {partial}/records.jsonl", errno.ENOSPC, FULL, ""),
        ("open {partial}/rejected.jsonl", errno.ENOSPC, FULL, "/rejected.jsonl"),
        ("fsync .*{partial}/records.jsonl", errno.ENOSPC, FULL, "/records.jsonl"),
        ("fsync .*{partial}/records.jsonl", errno.EIO, BROKEN, "/records.jsonl"),
        ("write {partial}/manifest.json", errno.ENOSPC, FULL, ""),
        ("fsync .*{partial}/manifest.json", errno.EIO, BROKEN, "/manifest.json"),
        ("fsync .*{partial}$", errno.EIO, BROKEN, ""),
        ("os.rename {partial}", errno.EIO, BROKEN, ""),
        ("os.mkdir {partial}", errno.ENOSPC, FULL, ""),
        ("(open|os.mkdir) .*store", errno.EROFS, READ_ONLY, "read-only"),
    ],
)
def test_a_step_that_the_disk_refuses(
    fail: str, error: int, cause: str, named: str, tmp_path: Path, undisturbed: Place
) -> None:
    place = Place.in_(tmp_path / "refused")
    folder = partial(place, "prose")
    order = Order(str(tmp_path / "notes"), fail=fail.format(partial=folder), error=error)
    ended = place.run(*RUN, "--until", "prose", through=order.through())
    assert_told(ended, "prose", cause, "store/.partial" if named == "read-only" else folder + named)
    assert "0 steps are finished and kept in store/." in ended.err
    if place.store.exists():
        assert contents(place.store) == {}
    if error == errno.EIO and named:
        # The system takes its pages for written now, so nobody may find the file and believe it.
        assert not (place.folder / (folder + named)).exists()
    healthy = place.run(*RUN, "--until", "prose")
    assert healthy.code == 0, healthy.err
    assert list(contents(place.store)) == [place.recipe.steps["prose"].folder]
    assert_part_of(place, undisturbed)
    assert unfinished(place.store) == []


def before_training(folder: Path, undisturbed: Place) -> Place:
    """Return a place that holds only what `base` is made from."""
    place = Place.in_(folder)
    shutil.copytree(undisturbed.store, place.store)
    needed = {step.folder for step in in_order(place.recipe.steps["base"])} - {place.recipe.steps["base"].folder}
    for path in place.store.iterdir():
        if path.name not in needed:
            shutil.rmtree(path)
    return place


@pytest.mark.parametrize(
    ("checkpoint", "error", "cause", "named"),
    [
        (f"write .*{LATER}/weights.safetensors", errno.ENOSPC, FULL, ""),
        (f"write .*{LATER}/state.json", errno.ENOSPC, FULL, ""),
        (f"fsync .*{LATER}/optimizer.safetensors", errno.EIO, BROKEN, "/optimizer.safetensors"),
        (f"os.rename .*{LATER}", errno.EIO, BROKEN, ".partial"),
    ],
)
def test_a_checkpoint_that_the_disk_refuses_costs_none_before_it(
    checkpoint: str, error: int, cause: str, named: str, tmp_path: Path, undisturbed: Place
) -> None:
    place = before_training(tmp_path / "training", undisturbed)
    order = Order(str(tmp_path / "notes"), fail=checkpoint, error=error)
    ended = place.run(*RUN, "--until", "base", through=order.through())
    where = ended.err.splitlines()[0].rpartition(": ")[2]
    assert_told(ended, "base", cause, where)
    assert where.startswith(partial(place, "base"))
    assert where.endswith(named)
    assert "base keeps its last checkpoint." in ended.err
    assert_part_of(place, undisturbed)
    (kept,) = place.checkpoints("base")
    refused = [each["checkpoint"] for each in notes(tmp_path / "notes") if "checkpoint" in each]
    assert kept == refused[-2] < 20 <= refused[-1]

    again = Order(str(tmp_path / "again"))
    assert place.run(*RUN, "--until", "base", through=again.through()).code == 0
    assert notes(tmp_path / "again")[0]["checkpoint"] > kept
    assert loss_curve(place, "base") == loss_curve(undisturbed, "base")
    assert_part_of(place, undisturbed)
    assert unfinished(place.store) == []


def test_a_trained_model_that_the_disk_refuses_is_not_trained_again(tmp_path: Path, undisturbed: Place) -> None:
    """Three runs meet a disk that fails where the training is over; the last checkpoint outlives them all."""
    place = before_training(tmp_path / "training", undisturbed)
    folder = partial(place, "base")
    kept = 0
    for fail, error, cause, named in (
        (f"write .*{folder}/config.json", errno.ENOSPC, FULL, ""),
        (f"fsync .*{folder}/model.safetensors", errno.EIO, BROKEN, "/model.safetensors"),
        (f"write {folder}/manifest.json", errno.ENOSPC, FULL, ""),
    ):
        order = Order(str(tmp_path / "notes"), fail=fail, error=error)
        assert_told(place.run(*RUN, "--until", "base", through=order.through()), "base", cause, folder + named)
        assert_part_of(place, undisturbed)
        (last,) = place.checkpoints("base")
        assert last >= kept
        kept = last
    begun = [each["checkpoint"] for each in notes(tmp_path / "notes") if "checkpoint" in each]
    assert begun == sorted(set(begun)), "a run trained anew what the one before had trained"
    assert place.run(*RUN, "--until", "base").code == 0
    assert loss_curve(place, "base") == loss_curve(undisturbed, "base")
    assert_part_of(place, undisturbed)


def reads(place: Place) -> tuple[tuple[str, ...], ...]:
    """Return the verbs that only read."""
    return ("show", "base"), ("show", place.path("page").name), ("ls", "artifacts"), ("explain", "small.yaml")


def test_a_read_only_store_by_injection(tmp_path: Path, undisturbed: Place) -> None:
    place = Place.in_(tmp_path / "kept")
    shutil.copytree(undisturbed.store, place.store)
    changes = "(open|os.mkdir|os.rename|os.remove|os.rmdir|os.symlink|shutil.rmtree) .*(store|runs)"
    through = Order(str(tmp_path / "notes"), fail=changes, error=errno.EROFS).through()
    for verb in reads(place):
        ended = place.run(*verb, through=through)
        assert (ended.code, ended.err) == (0, "")
    held = place.run(*RUN, through=through)
    assert held.code == 0
    assert "Nothing to make: all 16 steps are held." in held.out
    assert held.err == f"The links in runs/small/ could not be renewed: {READ_ONLY}.\n"
    shutil.rmtree(place.path("page"))
    refused = place.run(*RUN, through=through)
    assert_told(refused, "page", READ_ONLY, f"{partial(place, 'page')}.lock")
    assert "15 steps are finished and kept in store/." in refused.err


@pytest.mark.skipif(not can_mount(), reason="this machine allows no mounts of one's own; the faults above are injected")
def test_a_real_disk_that_fills_up_grows_and_becomes_read_only(tmp_path: Path, undisturbed: Place) -> None:
    inner = Place.in_(tmp_path / "real")
    with small_disk(inner.store, "250k") as disk:
        place = Place(disk.seen.parent)
        ends: list[str] = []
        for size in ("600k", "1600k", "2200k"):
            ended = inner.run(*RUN, through=disk.through(ZHIYIN))
            label = ended.err.partition(":")[0]
            assert_told(ended, label, FULL, ended.err.splitlines()[0].rpartition(": ")[2])
            assert_part_of(place, undisturbed)
            ends.append(label)
            disk.change(f"size={size}")
        assert "base" in ends
        disk.change("size=64m")
        ended = inner.run(*RUN, through=disk.through(ZHIYIN))
        assert ended.code == 0, ended.err
        assert_same(place, undisturbed)

        disk.change("ro")
        for verb in (*reads(inner), RUN):
            ended = inner.run(*verb, through=disk.through(ZHIYIN))
            assert (ended.code, ended.err) == (0, ""), verb
        doctor = inner.run("doctor", through=disk.through(ZHIYIN))
        assert "store cannot be written" in doctor.out
        assert doctor.err == "1 of these needs attention.\n"
        other = inner.run(*RUN, "quiz.benchmark.protocol=letter", through=disk.through(ZHIYIN))
        quiz = other.err.splitlines()[0].rpartition(": ")[2]
        assert_told(other, "quiz", READ_ONLY, quiz)
        assert quiz.startswith("store/.partial/prepare-")
        assert_same(place, undisturbed)
