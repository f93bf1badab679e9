"""An artifact: what its manifest records, which files are content, and where it came from."""

from pathlib import Path

import pytest
from tests.execution.toys import CountConfig, GatherConfig, JoinConfig, Text, count, counted, gather, join, poem

from zhiyin.execution.artifact import MANIFEST, Artifact, Manifest
from zhiyin.execution.config import digest
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.execution.store import Store


def test_the_manifest_is_the_whole_record(runtime: Runtime) -> None:
    plan = poem()
    artifact = run([plan], runtime)[-1]
    manifest = artifact.manifest
    assert (manifest.label, manifest.kind, manifest.version) == ("poem", "join", 1)
    assert (manifest.module, manifest.fingerprint) == ("tests.execution.toys", plan.fingerprint)
    assert manifest.config == {"separator": "，"}
    assert manifest.inputs == {
        f"texts.{name}": plan.flat_inputs[f"texts.{name}"].folder for name in ("first", "second")
    }
    assert manifest.summary == {"inputs": {"first": {"characters": 5}, "second": {"characters": 5}}}
    text = artifact.path / "text.txt"
    assert list(manifest.files) == ["text.txt"]
    record = manifest.files["text.txt"]
    assert (record.size, record.sha256) == (len("春眠不觉晓，处处闻啼鸟".encode()), digest(text))
    assert record.modified_ns == text.stat().st_mtime_ns


def test_only_results_are_content(runtime: Runtime, tmp_path: Path) -> None:
    one = run([step(gather, GatherConfig())], runtime)[0]
    other = run([step(gather, GatherConfig())], Runtime(store=tmp_path / "other"))[0]
    roles = {name: record.role for name, record in one.manifest.files.items()}
    assert roles == {"text.txt": "result", "telemetry/clock.txt": "telemetry", "speed.txt": "telemetry"}
    assert one.manifest.files["speed.txt"].sha256 != other.manifest.files["speed.txt"].sha256
    assert one.manifest.results == other.manifest.results == {"text.txt": digest(one.path / "text.txt")}


def test_lineage_is_everything_it_came_from_once_nearest_first(runtime: Runtime) -> None:
    last = run([counted()], runtime)[-1]
    assert [artifact.manifest.label for artifact in last.lineage] == ["counted", "poem", "first", "second"]


def test_a_shared_ancestor_is_in_the_lineage_once(runtime: Runtime) -> None:
    root = step(gather, GatherConfig(), label="root")
    seed = step(count, CountConfig(), {"text": root}, label="seed")
    top = step(join, JoinConfig(), {"texts": {"a": root}, "seed": seed}, label="top")
    last = run([top], runtime)[-1]
    assert sorted(artifact.manifest.label for artifact in last.lineage) == ["root", "seed", "top"]


def test_a_folder_without_a_manifest_is_not_finished(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} is not a finished artifact: it has no {MANIFEST}"):
        _ = Artifact(tmp_path).manifest


def test_what_a_step_hands_on_opens_as_its_own_type(runtime: Runtime) -> None:
    plan = poem()
    run([plan], runtime)
    opened = Store(runtime.store).open(plan)
    assert isinstance(opened, Text)
    assert opened.content == "春眠不觉晓，处处闻啼鸟"
    assert dict(opened.summary) == Manifest.read(opened.path).summary
