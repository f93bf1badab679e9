"""Making the steps of a plan before the reader's eyes, and ending with a plain message when that fails."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from zhiyin.cli.disk import disk_fault
from zhiyin.cli.exits import FAILED, SIGNALLED, leave
from zhiyin.cli.live import Watcher, warnings_above
from zhiyin.cli.packages import remedy
from zhiyin.execution.progress import watched_by
from zhiyin.execution.runner import Event, run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, in_order
from zhiyin.execution.store import CHECKPOINTS, PARTIAL
from zhiyin.locale.words import counted, say
from zhiyin.recipe.held import Held


def make(targets: Sequence[Step[Any]], runtime: Runtime, watching: Watcher, *, traceback: bool) -> None:
    """Run the plan; end with a plain message when it is interrupted or a step fails.

    What the plan only reads, because an earlier run made it, is not told of.
    """
    steps = [step for step in in_order(*targets) if not isinstance(step, Held)]
    own = [step.folder for step in steps]

    def tell(event: Event) -> None:
        if event.step.folder in own:
            watching.event(replace(event, number=own.index(event.step.folder) + 1, total=len(own)))

    try:
        with _interruptible(), warnings_above(watching), watched_by(watching.progress):
            run(targets, runtime, tell)
    except KeyboardInterrupt as stop:
        watching.stopped()
        goes_on = say("Run the same command again to go on from there.")
        number = stop.args[0] if stop.args else signal.SIGINT
        leave(f"\n{say('Stopped.')}\n{_kept(watching, runtime.store)}\n{goes_on}", SIGNALLED + number)
    except Exception as error:
        watching.stopped()
        if traceback:
            raise
        # A step that is refused its folder fails before it is told of; the steps told of lie before it.
        at = watching.running.step if watching.running else (*steps, None)[watching.made + watching.held]
        said = _failed(error, at, runtime.store, begun=watching.running is not None)
        advice = say("--traceback shows where in the code it failed.")
        leave(f"{said}\n{_kept(watching, runtime.store)}\n{advice}", FAILED)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the run the way Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread is told of signals
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _failed(error: Exception, at: Step[Any] | None, store: Path, *, begun: bool) -> str:
    """Say at which step it failed, where and why; a failing disk comes with what to do about it."""
    if at and (fault := disk_fault(error, store / PARTIAL / at.folder)):
        return f"{at.label}: {fault.cause}: {fault.place}\n{fault.advice}"
    label = f"{at.label}: " if at and begun else ""
    return label + _said(error).removeprefix(label)


def _said(error: Exception) -> str:
    """Write an exception for people; the name of its class only where the message alone says little."""
    if isinstance(error, ImportError):
        return f"{error}{remedy(error.name or '')}"
    plain = isinstance(error, ValueError | RuntimeError | OSError) and str(error)
    return str(error) if plain else f"{type(error).__name__}: {error}"


def _kept(watching: Watcher, store: Path) -> str:
    """Say how many steps are safe, and whether the broken one goes on from a checkpoint."""
    finished = counted(
        "{number} step is finished and kept in {store}/.",
        "{number} steps are finished and kept in {store}/.",
        watching.made + watching.held,
        store=store,
    )
    if watching.running is None or not any(_checkpoints(watching.running.step, store)):
        return finished
    return f"{finished}\n{say('{label} keeps its last checkpoint.', label=watching.running.step.label)}"


def _checkpoints(step: Step[Any], store: Path) -> Iterator[Path]:
    """Yield what an unfinished step goes on from; a report on a broken one is not."""
    found = (store / PARTIAL / step.folder / CHECKPOINTS).glob("*")
    return (path for path in found if path.suffix not in (".partial", ".json"))


def count(out: Console, watching: Watcher) -> None:
    """Say how many steps were made, and how many were there."""
    if not watching.made:
        out.print(
            counted(
                "Nothing to make: {number} step is held.",
                "Nothing to make: all {number} steps are held.",
                watching.held,
            )
        )
    else:
        out.print(
            counted(
                "Made {made}; {number} step is held from before.",
                "Made {made}; {number} steps are held from before.",
                watching.held,
                made=watching.made,
            )
        )
