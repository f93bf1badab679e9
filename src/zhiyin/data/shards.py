"""A file of records cut into pieces, and a pure function mapped over them, in this process or in several.

What a piece holds depends on the file alone, and results come back in the order of the pieces: they are the same for
one worker, for many, and on a cluster.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from zhiyin.data.collector import uncollected
from zhiyin.execution.runtime import Runtime

P = TypeVar("P")
R = TypeVar("R")

SIZE = 4_000_000
"""Bytes of a piece: large enough for arrays, small enough that many fit into memory."""


class Shard(Struct, frozen=True):
    """A range of bytes of a JSON lines file that begins and ends between lines."""

    path: Path
    start: int
    stop: int

    def lines(self) -> list[bytes]:
        """Return its lines, each with its line break; the last one of a file is given it where it has none."""
        size = self.stop - self.start
        with self.path.open("rb") as file:
            file.seek(self.start)
            read = file.read(size)
        if len(read) < size:
            raise ValueError(f"{self.path}: it ended {size - len(read)} bytes early; it was changed while it was read")
        lines = BytesIO(read).readlines()  # three times as fast as `bytes.split`
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        return lines


def cut(path: Path, size: int = SIZE) -> list[Shard]:
    """Return the pieces of a file, in order: each goes on to the end of the line in which it is `size` bytes long."""
    shards, start, end = list[Shard](), 0, path.stat().st_size
    with path.open("rb") as file:
        while start < end:
            file.seek(start + size - 1)
            file.readline()
            stop = min(file.tell(), end)
            shards.append(Shard(path, start, stop))
            start = stop
    return shards


def mapped(function: Callable[[P], R], pieces: Iterable[P], runtime: Runtime) -> Iterator[R]:
    """Yield what the function makes of each piece, a `Shard` or more, in order. It must be pure, and both must pickle.

    An exception of the function is raised here with its own type and words. Raises `RuntimeError` when a process
    was killed, as a system short of memory does.
    """
    pieces, function = list(pieces), partial(uncollected, function)
    workers = min(runtime.workers, len(pieces))
    if runtime.cluster:
        from zhiyin.data import distributed

        yield from distributed.mapped(function, pieces, runtime)
    elif workers <= 1:
        yield from map(function, pieces)
    else:
        from zhiyin.data import pool

        yield from pool.mapped(function, pieces, workers)
