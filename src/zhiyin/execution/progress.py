"""How a step tells whoever watches how far it is, without knowing who that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Sink(Protocol):
    """Receives `done` of `total` units and a few facts to show beside them (`loss`, `tokens/s`)."""

    def __call__(self, done: int, total: int, unit: str, facts: dict[str, str]) -> None:
        """Show one state of the running step."""


_sink: ContextVar[Sink | None] = ContextVar("zhiyin_progress", default=None)


def report(done: int, total: int, unit: str, **facts: str) -> None:
    """Tell the watcher, if there is one, that `done` of `total` units of the running step are finished."""
    if (sink := _sink.get()) is not None:
        sink(done, total, unit, facts)


@contextmanager
def watched_by(sink: Sink) -> Iterator[None]:
    """Send the reports made inside the block to `sink`."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)
