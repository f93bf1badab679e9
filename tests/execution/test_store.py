"""Whole or not there at all: killed at any write, written by two at once, or damaged afterwards."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.execution import crash
from tests.execution.toys import GatherConfig, StairsConfig, count, counted, gather, poem, stairs

from zhiyin.execution.artifact import MANIFEST, Manifest
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, in_order, step
from zhiyin.execution.store import CHECKPOINTS, PARTIAL, Damaged, Store, flush

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the names of open files from /proc")


def contents(store: Path) -> dict[str, dict[str, str]]:
    """Return the content of every finished artifact."""
    return {manifest.fingerprint: manifest.results for manifest in Store(store).manifests()}


@pytest.mark.parametrize("verb", ["stairs", "climb"])
def test_killed_before_any_write_the_next_run_makes_the_same(
    verb: str, tmp_path: Path, child_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    stores = tmp_path / "stores"
    done = subprocess.run(
        [sys.executable, "-m", "tests.execution.crash", str(stores), verb],
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    outcome = json.loads(done.stdout)
    deaths: list[str] = outcome["deaths"]
    plan = crash.plan(verb)
    assert outcome["last"] == 0
    assert len(deaths) > 50
    # The places the store's promise hangs on: inside the verb, before the manifest, between it and the rename.
    partial = f".partial/{plan.folder}"
    for place in (f"open {partial}/half.txt", f"open {partial}/{MANIFEST}", f"os.rename {partial}"):
        assert place in deaths

    expected = contents(stores / "undisturbed")
    assert set(expected) == {each.fingerprint for each in in_order(plan)}
    resumed = []
    for number in range(1, len(deaths) + 1):
        store = stores / f"{number:03d}"
        finished = contents(store)
        assert all(expected[fingerprint] == results for fingerprint, results in finished.items())
        artifact = run([plan], Runtime(store=store))[-1]
        assert contents(store) == expected, deaths[number - 1]
        assert MANIFEST not in artifact.manifest.files
        assert artifact.damage(thorough=True) is None
        assert [path.name for path in (store / ".partial").iterdir() if path.is_dir()] == []
        if plan.fingerprint not in finished:
            resumed.append(len(json.loads((artifact.path / "telemetry" / "found.json").read_text())))
    # A resumable verb finds what it left behind, up to all four steps; any other starts in an empty folder.
    assert set(resumed) == ({0, 1, 2, 3, 4} if verb == "climb" else {0})


@on_linux
def test_everything_is_on_the_disk_before_the_rename(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        order.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(runtime.store).as_posix())
        sync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        order.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    plan = step(gather, GatherConfig())
    run([plan], runtime)
    partial = f".partial/{plan.folder}"
    files = [f"{partial}/{name}" for name in ("speed.txt", "telemetry/clock.txt", "text.txt", MANIFEST)]
    assert order == [*files, f"{partial}/telemetry", partial, "rename", "."]


def refusing(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Let the next flush of that file or folder fail, as the system does: its error names no file."""
    sync = os.fsync

    def refused(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(name):
            monkeypatch.setattr(os, "fsync", sync)
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refused)


@on_linux
def test_a_file_whose_flush_failed_is_named_and_goes_and_no_descriptor_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "text.txt", len(os.listdir("/proc/self/fd"))
    file.write_text("春")
    refusing(monkeypatch, "text.txt", errno.EIO)
    with pytest.raises(OSError, match=r"Input/output error: .*text\.txt'$"):
        flush(file)
    assert not file.exists()
    refusing(monkeypatch, tmp_path.name, errno.EIO)
    with pytest.raises(OSError, match=f"Input/output error: .*{tmp_path.name}'$"):
        flush(tmp_path)
    assert tmp_path.is_dir()
    assert len(os.listdir("/proc/self/fd")) == before


@on_linux
@pytest.mark.parametrize("name", ["step-3.txt", MANIFEST, "telemetry"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_commit_the_disk_refuses_leaves_nothing_under_the_name_and_the_next_run_makes_the_same(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, store = tmp_path / "undisturbed", tmp_path / "store"
    plan = crash.plan("climb")
    run([plan], Runtime(store=undisturbed))
    refusing(monkeypatch, name, number)
    with pytest.raises(OSError, match=name.replace(".", r"\.")):
        run([plan], Runtime(store=store))
    finished = contents(store)
    assert all(contents(undisturbed)[fingerprint] == results for fingerprint, results in finished.items())
    artifact = run([plan], Runtime(store=store))[-1]
    assert contents(store) == contents(undisturbed)
    assert artifact.damage(thorough=True) is None
    assert [path.name for path in (store / PARTIAL).iterdir() if path.is_dir()] == []


@on_linux
def test_checkpoints_outlive_a_failed_commit_and_are_no_part_of_the_artifact(
    tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = crash.plan("climb")
    kept = runtime.store / PARTIAL / plan.folder / CHECKPOINTS / "step-1"
    kept.mkdir(parents=True)
    (kept / "weights").write_text("1")
    for name in ("step-2.txt", MANIFEST):
        refusing(monkeypatch, name, errno.ENOSPC)
        with pytest.raises(OSError, match="No space left on device"):
            run([plan], runtime)
        assert (kept / "weights").read_text() == "1"
    artifact = run([plan], runtime)[-1]
    assert not (artifact.path / CHECKPOINTS).exists()
    assert not [name for name in artifact.manifest.files if name.startswith(CHECKPOINTS)]


def test_a_store_below_a_folder_called_checkpoints_loses_nothing(tmp_path: Path) -> None:
    plan = step(gather, GatherConfig())
    artifact = run([plan], Runtime(store=tmp_path / CHECKPOINTS / "store"))[0]
    assert "text.txt" in artifact.manifest.files


def test_a_folder_under_the_name_without_a_manifest_gives_way(runtime: Runtime) -> None:
    plan = step(gather, GatherConfig())
    first = run([plan], runtime)[0]
    results = first.manifest.results
    (first.path / MANIFEST).unlink()
    (first.path / "stray.txt").touch()
    again = run([plan], runtime)[0]
    assert again.manifest.results == results
    assert not (again.path / "stray.txt").exists()


def test_two_processes_make_each_artifact_once(tmp_path: Path, child_environment: dict[str, str]) -> None:
    store = tmp_path / "store"
    twins = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.execution.toys", str(store), partner],
            env=child_environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for partner in ("left", "right")
    ]
    states = [json.loads(twin.communicate(timeout=60)[0]) for twin in twins]
    assert [twin.returncode for twin in twins] == [0, 0]
    made = sorted(label for one in states for label, state in one if state == "made")
    assert made == ["counted", "first", "poem", "second"]
    # The verb sleeps long enough for the other process to reach it.
    assert ["counted", "waiting"] in states[0] + states[1]
    for one in states:
        assert {label for label, state in one if state in ("made", "held")} == set(made)
    folders = {path.name for path in store.iterdir() if not path.name.startswith(".")}
    assert folders == {each.folder for each in in_order(counted(pause=0.4))}
    assert [path for path in (store / ".partial").iterdir() if path.is_dir()] == []


def rewrite(file: Path) -> None:
    """Change bytes; size and time of change stay what they were."""
    stat, text = file.stat(), file.read_text(encoding="utf-8")
    file.write_text(text[::-1], encoding="utf-8")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def retouch(file: Path) -> None:
    """Change bytes but not their number, some time later."""
    stat, text = file.stat(), file.read_text(encoding="utf-8")
    file.write_text(text[::-1], encoding="utf-8")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


def lengthen(file: Path) -> None:
    with file.open("a", encoding="utf-8") as open_file:
        open_file.write("啊")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (retouch, "has other bytes than were committed"),
        (lengthen, "has 18 bytes, 15 were committed"),
        (Path.unlink, "is missing"),
    ],
)
def test_damage_is_seen_when_a_step_is_held(harm: Callable[[Path], Any], says: str, runtime: Runtime) -> None:
    plan = step(gather, GatherConfig(), label="the line")
    artifact = run([plan], runtime)[0]
    harm(artifact.path / "text.txt")
    with pytest.raises(Damaged) as caught:
        run([plan], runtime)
    message = str(caught.value)
    assert message.startswith(f"the line: {artifact.path / 'text.txt'} {says}")
    assert message.endswith(f"remove {artifact.path} to make it again")


@pytest.mark.parametrize("harm", [rewrite, retouch, lengthen, Path.unlink])
def test_damage_is_seen_when_it_is_the_input_of_a_step(harm: Callable[[Path], Any], runtime: Runtime) -> None:
    line = step(gather, GatherConfig(), label="the line")
    artifact = run([line], runtime)[0]
    harm(artifact.path / "text.txt")
    above = step(stairs, StairsConfig(), {"text": line})
    with pytest.raises(Damaged, match=f"^the line: {artifact.path / 'text.txt'} "):
        run([above], runtime)
    assert not Store(runtime.store).holds(above)


def test_bytes_read_before_are_read_again_when_they_changed(runtime: Runtime) -> None:
    line = step(gather, GatherConfig(), label="the line")
    artifact = run([step(stairs, StairsConfig(), {"text": line})], runtime)[0]
    rewrite(artifact.path / "text.txt")
    with pytest.raises(Damaged, match="the line"):
        run([step(stairs, StairsConfig(steps=5), {"text": line})], runtime)


def test_telemetry_is_guarded_too(runtime: Runtime) -> None:
    plan = step(gather, GatherConfig(), label="the line")
    artifact = run([plan], runtime)[0]
    (artifact.path / "telemetry" / "clock.txt").unlink()
    with pytest.raises(Damaged, match=r"clock\.txt is missing"):
        run([plan], runtime)


def test_a_new_time_with_the_same_bytes_is_no_damage(runtime: Runtime) -> None:
    plan = step(gather, GatherConfig())
    artifact = run([plan], runtime)[0]
    (artifact.path / "text.txt").touch()
    states: list[str] = []
    run([plan], runtime, lambda event: states.append(event.state))
    assert states == ["held"]


def test_a_damaged_artifact_removed_is_made_again(runtime: Runtime) -> None:
    plan = poem()
    artifact = run([plan], runtime)[-1]
    before = artifact.manifest.results
    for file in sorted(artifact.path.iterdir()):
        file.unlink()
    states: list[tuple[str, str]] = []
    again = run([plan], runtime, lambda event: states.append((event.step.label, event.state)))[-1]
    assert [label for label, state in states if state == "made"] == ["poem"]
    assert again.manifest.results == before


def test_manifests_come_oldest_first(runtime: Runtime) -> None:
    run([counted()], runtime)
    assert [manifest.label for manifest in Store(runtime.store).manifests()] == ["first", "second", "poem", "counted"]


def test_the_manifest_is_the_last_file_written(runtime: Runtime) -> None:
    artifact = run([counted()], runtime)[0]
    written = {path.name: path.stat().st_mtime_ns for path in artifact.path.iterdir() if path.is_file()}
    assert max(written, key=lambda name: written[name]) == MANIFEST


def test_an_empty_store_holds_nothing(tmp_path: Path) -> None:
    store, plan = Store(tmp_path / "none"), step(gather, GatherConfig())
    assert not store.holds(plan)
    with pytest.raises(FileNotFoundError, match="is not a finished artifact"):
        store.open(plan)
    assert not (tmp_path / "none").exists()


def test_a_damaged_manifest_is_an_error(runtime: Runtime) -> None:
    plan: Step[Any] = step(gather, GatherConfig())
    artifact = run([plan], runtime)[0]
    (artifact.path / MANIFEST).write_text("{}")
    with pytest.raises(ValueError, match="Manifest"):
        Manifest.read(artifact.path)


def test_count_reads_what_the_poem_wrote(runtime: Runtime) -> None:
    assert count.__module__ == "tests.execution.toys"
    number = run([counted()], runtime)[-1]
    assert (number.path / "number.txt").read_text() == "11"
