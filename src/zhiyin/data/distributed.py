"""Data work on more than one machine: Daft on a Ray cluster. All that is asked of the two is asked here.

Every machine of the cluster has the same Python environment, and sees the store and the input files at the same paths:
a piece travels as a path and a range of bytes, and is read where it is worked on.
"""

import os
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from zhiyin.data.portable import portable
from zhiyin.execution.runtime import Runtime

P = TypeVar("P")
R = TypeVar("R")

SILENT = {"DAFT_ANALYTICS_ENABLED": "0", "DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
"""Both phone home unless they are told not to, Daft when it is imported."""
PATIENCE = 20.0
"""Seconds until a cluster that does not answer counts as absent."""


def mapped(function: Callable[[P], R], pieces: Sequence[P], runtime: Runtime) -> Iterator[R]:
    """Yield what the function makes of each piece, in order; see `shards.mapped`.

    Raises `ModuleNotFoundError` where Daft or Ray is not installed, and `RuntimeError` when the cluster cannot be
    reached or did not answer for every piece. What the function itself raises is raised here.
    """
    if not pieces:
        return
    cores = _connect(runtime.cluster)
    calls = [pickle.dumps((function, piece)) for piece in pieces]
    early: dict[int, bytes] = {}
    due = 0
    for number, outcome in _outcomes(calls, cores):
        early[number] = outcome
        while due in early:
            yield _opened(early.pop(due))
            due += 1
    if due < len(calls):
        raise RuntimeError(f"the cluster {runtime.cluster} answered for {due} of {len(calls)} pieces; run again")


def _connect(address: str) -> int:
    """Join the cluster, once in a process; returns the number of its cores."""
    os.environ.update(SILENT)
    try:
        import daft
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"work on the cluster {address} needs Daft and Ray, and {error.name} is not installed: "
            "pip install 'zhiyin[distributed]' on every machine of it"
        ) from error
    cluster: Any = ray  # half of it has types
    try:
        _knock(address)
        cluster.init(
            address,
            runtime_env={"env_vars": SILENT},
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (OSError, ValueError) as error:
        said = str(error).rstrip(".")
        raise RuntimeError(f"no Ray cluster answers at {address}: {said}; `ray start --head` starts one") from error
    daft.set_runner_ray(noop_if_initialized=True)
    return int(cluster.cluster_resources()["CPU"])


def _knock(address: str) -> None:
    """Raise `OSError` where nobody listens: Ray itself would wait for minutes before it ends the whole process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _outcomes(calls: list[bytes], cores: int) -> Iterator[tuple[int, bytes]]:
    """Make every call somewhere on the cluster, each a partition of its own, and yield its number with what it gave."""
    import daft

    answer = partial(daft.method.batch, return_dtype=daft.DataType.binary(), batch_size=1)
    worker: Any = type("Worker", (), {"answer": answer()(_answer)})
    # A process for each core: what the functions do holds the interpreter's lock.
    hired = daft.cls(max_concurrency=min(cores, len(calls)), use_process=True)(worker)()
    table = daft.from_pydict({"number": list(range(len(calls))), "call": calls}).into_partitions(len(calls))
    for row in table.select(daft.col("number"), hired.answer(daft.col("call")).alias("outcome")).iter_rows():
        yield row["number"], row["outcome"]


def _answer(worker: object, calls: Any) -> list[bytes]:
    """Make each call, on a worker; an exception is an answer too."""
    outcomes = []
    for call in calls.to_pylist():
        function, piece = pickle.loads(call)
        try:
            outcomes.append(pickle.dumps((function(piece), None)))
        except Exception as error:
            outcomes.append(pickle.dumps((None, portable(error))))
    return outcomes


def _opened(outcome: bytes) -> Any:
    result, error = pickle.loads(outcome)
    if error is not None:
        raise error
    return result
