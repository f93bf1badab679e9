"""The facts kept about a run: time, memory of this step alone, code, packages."""

import hashlib
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from tests.execution import toys
from tests.execution.toys import GatherConfig, Number, gather

from zhiyin.execution.config import StepConfig
from zhiyin.execution.provenance import PACKAGES, capture, code_hash, peak_memory
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step

MIB = 1 << 20


class Load(StepConfig):
    megabytes: int
    """Memory to fill."""


def carry(config: Load, *, out: Path, runtime: Runtime) -> Number:
    load = b"\xff" * (config.megabytes * MIB)
    (out / "number.txt").write_text(str(len(load)))
    return Number(out)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is reset through /proc, on Linux only")
def test_each_step_has_its_own_peak_memory(runtime: Runtime) -> None:
    heavy, light = (step(carry, Load(megabytes=size)) for size in (200, 1))
    peaks = [artifact.manifest.provenance["peak_memory_bytes"] for artifact in run([heavy, light], runtime)]
    assert peaks[0] > 200 * MIB
    assert peaks[1] < peaks[0] - 150 * MIB


def test_the_record_of_a_run(runtime: Runtime) -> None:
    artifact = run([step(gather, GatherConfig())], runtime)[0]
    record = artifact.manifest.provenance
    began = datetime.fromisoformat(record["began"])
    assert 0 <= (datetime.now(began.tzinfo) - began).total_seconds() < 60
    assert 0 <= record["seconds"] < 60
    assert record["code"] == code_hash("tests.execution.toys")
    assert record["python"] == sys.version.split()[0]
    assert set(record["packages"]) <= set(PACKAGES)
    assert record["packages"]["zhiyin"] == "0.1.0"
    assert record["runtime"] == runtime.plain()


def test_code_hash_follows_the_bytes_of_the_module() -> None:
    source = Path(str(toys.__file__)).read_bytes()
    assert code_hash("tests.execution.toys") == hashlib.sha256(source).hexdigest()[:12]
    assert code_hash("no_such_module") == ""


def test_peak_memory_is_in_bytes() -> None:
    assert 10 * MIB < peak_memory() < 1 << 40


def test_without_git_a_step_is_recorded_all_the_same(child_environment: dict[str, str], tmp_path: Path) -> None:
    code = """
from zhiyin.execution.provenance import capture
from zhiyin.execution.runtime import Runtime
record = capture("zhiyin.artifacts", Runtime())()
print([record["commit"], record["dirty"]])
"""
    bare = {**child_environment, "PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['', False]"


def test_the_commit_is_kept_and_outside_a_checkout_there_is_none(repository: Path) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=False)
    assert capture("zhiyin.artifacts", Runtime())()["commit"] == head.stdout.strip()
