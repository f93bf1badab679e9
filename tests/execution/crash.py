"""Run a step again and again, each time killed one write later: `python -m tests.execution.crash FOLDER VERB`."""

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.execution.toys import ClimbConfig, GatherConfig, Number, StairsConfig, climb, gather, stairs

from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step

TOUCHES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}


def plan(verb: str) -> Step[Number]:
    """Return a step on top of another one."""
    line = step(gather, GatherConfig())
    if verb == "climb":
        return step(climb, ClimbConfig(), {"text": line})
    return step(stairs, StairsConfig(), {"text": line})


def main(folder: Path, verb: str) -> None:
    """Fill `folder/<n>` with a store whose process died before its n-th touch; print what each was about to do."""
    deaths: list[str] = []
    run([plan(verb)], Runtime(store=folder / "undisturbed"))
    for number in itertools.count(1):
        store = folder / f"{number:03d}"
        store.mkdir(parents=True)
        note = folder / f"{number:03d}.txt"
        child = os.fork()
        if child == 0:
            _die_at(number, store, note)
            run([plan(verb)], Runtime(store=store))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.stdout.write(json.dumps({"deaths": deaths, "last": os.WEXITSTATUS(status)}))
            return
        deaths.append(note.read_text(encoding="utf-8"))


def _die_at(number: int, store: Path, note: Path) -> None:
    """Kill this process just before its n-th touch of the store, the way a power cut would: no handler runs."""
    touches = itertools.count(1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHES or not str(arguments[0]).startswith(str(store)):
            return
        if next(touches) == number:
            descriptor = os.open(note, os.O_WRONLY | os.O_CREAT)
            os.write(descriptor, f"{event} {Path(arguments[0]).relative_to(store)}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    with patch("os.fsync"):  # a kill loses no page, so there is no need to wait for the disk
        main(Path(sys.argv[1]), sys.argv[2])
