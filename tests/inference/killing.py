"""Runs of `zhiyin` against a server of this machine that are killed on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.inference.unruly import Unruly

from zhiyin.records import jsonl
from zhiyin.records.prompt import Completion

ZHIYIN = "from zhiyin.cli.app import main; main()"
PATIENCE = 120.0


def kept(store: Path) -> int:
    """Count the replies that are safe: in finished artifacts, and beside unfinished ones."""
    finished = [file for file in store.glob("answer-*/*.jsonl") if (file.parent / "manifest.json").is_file()]
    lines = sum(1 for file in finished for _ in jsonl.read(file, Completion))
    done = {file.parent.name for file in finished}
    partial = [each for each in (store / ".partial").glob("answer-*") if each.is_dir() and each.name not in done]
    return lines + sum(1 for each in partial for _ in each.glob("checkpoints/replies/*/*.json"))


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "the run stands still"
        time.sleep(0.02)


def run_killed(server: Unruly, recipe: Path, store: Path, kills: Sequence[int], environment: Mapping[str, str]) -> str:
    """Run a recipe to its end, killed each time that many replies were paid and kept; returns what it said."""
    command = [sys.executable, "-c", ZHIYIN, "run", str(recipe), "--store", str(store)]
    file = store.parent / "log.txt"

    def begin() -> "subprocess.Popen[bytes]":
        with file.open("ab") as log:
            return subprocess.Popen(
                command, cwd=store.parent, env=dict(environment), stdout=log, stderr=subprocess.STDOUT
            )

    for paid in kills:
        server.hold_after = paid
        with begin() as run:
            wait_for(lambda: server.record.paid.total() == server.hold_after or run.poll() is not None)
            assert run.poll() is None, file.read_text(encoding="utf-8")
            wait_for(lambda: kept(store) == server.hold_after)
            os.kill(run.pid, signal.SIGKILL)
        server.released.set()
        wait_for(lambda: server.record.under_way == 0)
        server.released.clear()
    server.hold_after = None
    with begin() as run:
        run.wait(PATIENCE)
    told = file.read_text(encoding="utf-8")
    assert run.returncode == 0, told
    return told
