"""Two Ray nodes on this machine, and work done on them: `python -c CODE ROWS SET ANSWERS`, where the code calls `main`.

A process of its own, for Ray leaves threads and handlers behind; and no script, for what a script defines cannot be
found by name elsewhere.
"""

import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zhiyin.artifacts import ConversationSet
from zhiyin.data.deduplicate import Config, deduplicate
from zhiyin.data.distributed import SILENT
from zhiyin.data.shards import Shard, cut, mapped
from zhiyin.execution.runtime import Runtime

SIZE = 20_000


class Unportable(Exception):
    """Cannot be unpickled: its constructor wants more than its words."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def lengths(shard: Shard) -> tuple[str, list[int]]:
    """A hash of the bytes, and the length of each line."""
    lines = shard.lines()
    return sha256(b"".join(lines)).hexdigest(), [len(line) for line in lines]


def where(shard: Shard) -> str:
    """The node that works."""
    import ray

    return f"{os.getpid()} {ray.get_runtime_context().get_node_id() if ray.is_initialized() else ''}"


def refuse(shard: Shard) -> None:
    """Fail in the second piece."""
    if shard.start:
        raise ValueError(f"bad piece at {shard.start}")


def refuse_oddly(shard: Shard) -> None:
    """Fail with an exception that cannot travel."""
    raise Unportable("odd", " words")


def single(records: Path, runtime: Runtime) -> dict[str, str]:
    """The hash of each file that the step `deduplicate` writes."""
    with TemporaryDirectory() as folder:
        deduplicate(Config(), out=Path(folder), runtime=runtime, records=ConversationSet(records))
        return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(Path(folder).iterdir())}


def said(function: Any, pieces: list[Shard], runtime: Runtime) -> list[str]:
    """What mapping the function raised."""
    try:
        list(mapped(function, pieces, runtime))
    except Exception as error:
        return [type(error).__name__, str(error)]
    return []


def main() -> None:
    """Start the nodes, ask, stop them, and write the answers as a JSON list."""
    os.environ.update(SILENT)
    import ray
    from ray.cluster_utils import Cluster

    driver: Any = ray  # it has no types

    file, records, answers = map(Path, sys.argv[1:])
    node = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
    try:
        runtime, pieces = Runtime(cluster=cluster.address), cut(file, SIZE)
        found: list[object] = [list(mapped(each, pieces, runtime)) for each in (lengths, where)]
        found += [said(each, pieces, runtime) for each in (refuse, refuse_oddly)]
        found.append(single(records, runtime))
    finally:
        driver.shutdown()
        cluster.shutdown()
    answers.write_text(json.dumps(found), encoding="utf-8")
