"""What is seen while a plan runs: a line for each step, and the state of the one that is running."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column

from zhiyin.cli.columns import padded
from zhiyin.cli.columns import width as columns_of
from zhiyin.cli.units import duration
from zhiyin.execution.runner import Event
from zhiyin.locale.words import retell, say

PLAIN_SECONDS = 5.0
"""Seconds between two lines of progress where there is no terminal."""


class Pace:
    """Estimates the seconds left from the units done since the first report, so that a resumed step counts right."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.first: tuple[float, int] | None = None

    def left(self, done: int, total: int) -> float | None:
        """Return the seconds left, or None while there is nothing to tell from."""
        now = time.monotonic()
        if self.first is None or done < self.first[1]:
            self.first = (now, done)
        then, before = self.first
        if done <= before or done > total:
            return None
        return (total - done) * (now - then) / (done - before)


class Watcher(ABC):
    """Follows a run. `event` hears of steps, `progress` of the inside of the running one."""

    def __init__(self, console: Console, width: int) -> None:
        self.console, self.width = console, width
        self.running: Event | None = None
        self.made = self.held = 0
        self.pace = Pace()

    def event(self, event: Event) -> None:
        """Show one change in the state of the run."""
        if event.state in ("making", "waiting"):
            self.running, self.pace = event, Pace()
            self.started(event)
            return
        self.stopped()
        seconds = duration(time.monotonic() - self.pace.began) if event.state == "made" else ""
        self.made += event.state == "made"
        self.held += event.state == "held"
        self.running = None
        style = "green" if event.state == "made" else "dim"
        self.console.print(
            f"{self.head(event)}  {say('made') if event.state == 'made' else say('held')}  {seconds}".rstrip(),
            style=style,
        )

    def progress(self, done: int, total: int, unit: str, facts: dict[str, str]) -> None:
        """Show how far the running step is."""
        left = self.pace.left(done, total)
        told = f"{done:,}/{total:,} {retell(unit)}"
        for name, value in facts.items():
            told = say("{told}, {more}", told=told, more=f"{retell(name)} {value}")
        if left is not None:
            told = say("{told}, {more}", told=told, more=say("{time} left", time=duration(left)))
        self.moved(done, total, told)

    def head(self, event: Event) -> str:
        """Return `[ 3/12] sft`, padded so that lines align."""
        number = str(event.number).rjust(len(str(event.total)))
        return f"[{number}/{event.total}] {padded(event.step.label, self.width)}"

    @abstractmethod
    def started(self, event: Event) -> None:
        """A step began, or waits for another process that makes it."""

    @abstractmethod
    def moved(self, done: int, total: int, told: str) -> None:
        """The running step reported."""

    @abstractmethod
    def stopped(self) -> None:
        """No step is running any more; also called when none was."""


class Bar(Watcher):
    """For a terminal: one line that moves while a step runs."""

    def __init__(self, console: Console, width: int) -> None:
        super().__init__(console, width)
        self.bar: Progress | None = None
        self.task = TaskID(0)

    def started(self, event: Event) -> None:
        """Show the bar."""
        self.stopped()
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24)
        self.bar = Progress(
            *columns,
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True)),
            console=self.console,
            transient=True,
            refresh_per_second=4,
        )
        told = say("another process makes it; waiting") if event.state == "waiting" else ""
        self.task = self.bar.add_task(self.head(event), total=None, told=told)
        self.bar.start()

    def moved(self, done: int, total: int, told: str) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=total, told=told)

    def stopped(self) -> None:
        """Take the bar away; the step's line takes its place."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


class Lines(Watcher):
    """For a log: a line when a step begins, one every few seconds while it runs, one when it ends."""

    def __init__(self, console: Console, width: int) -> None:
        super().__init__(console, width)
        self.last = 0.0

    def started(self, event: Event) -> None:
        """Say that it began."""
        self.last = time.monotonic()
        told = say("another process makes it; waiting") if event.state == "waiting" else say("making")
        self.console.print(f"{self.head(event)}  {told}")

    def moved(self, done: int, total: int, told: str) -> None:
        """Say how far it is, unless a line was printed just now."""
        now = time.monotonic()
        if now - self.last >= PLAIN_SECONDS and self.running is not None:
            self.last = now
            self.console.print(f"{self.head(self.running)}  {told}")

    def stopped(self) -> None:
        """Nothing is on the screen to take away."""


class _Above(logging.Handler):
    """Prints what a step says or warns of above its progress, in the reader's language."""

    def __init__(self, watching: Watcher) -> None:
        super().__init__(logging.INFO)
        self.watching = watching

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, under the label of the running step."""
        running = self.watching.running
        label = f"{running.step.label}: " if running else ""
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        self.watching.console.print(f"{label}{retell(record.getMessage())}", style=style, markup=False)


@contextmanager
def warnings_above(watching: Watcher) -> Iterator[None]:
    """Show what this package's steps say and warn of beside their progress."""
    logger, handler = logging.getLogger("zhiyin"), _Above(watching)
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def watcher(console: Console, labels: list[str]) -> Watcher:
    """Return the watcher that suits the console."""
    width = max(map(columns_of, labels), default=0)
    return Bar(console, width) if console.is_terminal else Lines(console, width)
