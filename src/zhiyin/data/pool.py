"""Pieces worked on by several processes of this machine."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

from zhiyin.data.portable import portable

P = TypeVar("P")
R = TypeVar("R")

AHEAD = 2
"""Pieces for each worker that are under way or wait to be taken; more would pile up in memory."""

PRELOADED = (
    "__main__",
    "zhiyin.data.clean",
    "zhiyin.data.likeness",
    "zhiyin.data.quotations",
    "zhiyin.data.roster",
)
"""Modules that the server imports once for all its workers: to import them takes as long as to work on a piece."""


def mapped(function: Callable[[P], R], pieces: list[P], workers: int) -> Iterator[R]:
    """Yield what the function makes of each piece, in order; see `shards.mapped`."""
    # Forked from a server that was spawned and runs nothing else: polars and Ray do not survive a fork of this process.
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    pool = ProcessPoolExecutor(workers, mp_context=context)
    waiting: deque[Future[R]] = deque()
    rest = iter(pieces)
    try:
        waiting.extend(pool.submit(_called, function, piece) for piece in islice(rest, workers * AHEAD))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(_called, function, piece) for piece in islice(rest, 1))
            yield done
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"one of {workers} worker processes was killed; the system does that when memory runs out: "
            "try with fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _called(function: Callable[[P], R], piece: P) -> R:
    """Call the function; an exception that cannot travel between processes goes as its words."""
    try:
        return function(piece)
    except Exception as error:
        if (other := portable(error)) is not error:
            raise other from None
        raise
