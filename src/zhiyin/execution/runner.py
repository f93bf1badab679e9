"""Make what is missing, in order, one step at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from zhiyin.execution.artifact import Artifact
from zhiyin.execution.provenance import capture
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, in_order
from zhiyin.execution.store import Store


@dataclass(frozen=True)
class Event:
    """One change in the state of a run."""

    step: Step[Any]
    state: Literal["held", "making", "waiting", "made"]
    number: int
    """Place of the step in the plan, from 1."""
    total: int
    """Steps in the plan."""


Watch = Callable[[Event], None]


def run(targets: Iterable[Step[Any]], runtime: Runtime, watch: Watch = lambda event: None) -> list[Artifact]:
    """Make the targets and everything they need; a finished step is opened, not made again."""
    store, plan = Store(runtime.store), list(in_order(*targets))
    made: list[Artifact] = []
    for number, step in enumerate(plan, start=1):

        def tell(state: Literal["held", "making", "waiting", "made"], step: Any = step, number: int = number) -> None:
            watch(Event(step, state, number, len(plan)))

        made.append(make(step, store, runtime, tell))
    return made


def make(step: Step[Any], store: Store, runtime: Runtime, tell: Callable[[Any], None]) -> Artifact:
    """Open a step, or run it when its inputs are finished. An exception leaves nothing under the step's name."""
    with store.making(step, on_wait=lambda: tell("waiting")) as partial:
        if partial is not None:
            inputs = {
                name: store.open(value, thorough=True)
                if isinstance(value, Step)
                else {key: store.open(upstream, thorough=True) for key, upstream in value.items()}
                for name, value in step.inputs.items()
            }
            tell("making")
            provenance = capture(step.function.__module__, runtime)
            if runtime.num_processes > 1 and step.config.parallel:
                summary = _under_torchrun(step, partial, runtime, inputs)
            else:
                summary = step.function(step.config, out=partial, runtime=runtime, **inputs).summary
            store.commit(step, partial, summary, provenance())
    artifact: Artifact = store.open(step)
    tell("held" if partial is None else "made")
    return artifact


def _under_torchrun(step: Step[Any], partial: Path, runtime: Runtime, inputs: dict[str, Any]) -> dict[str, Any]:
    """Run the verb in `runtime.num_processes` processes; rank 0 writes its summary for this process to commit."""
    with TemporaryDirectory() as notes:
        order = Path(notes) / "order.json"
        description = {
            "module": step.function.__module__,
            "verb": step.kind,
            "config": step.config.plain(),
            "out": str(partial),
            "runtime": runtime.plain(),
            "inputs": {name: _location(value) for name, value in inputs.items()},
        }
        order.write_text(json.dumps(description), encoding="utf-8")
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(runtime.num_processes), "-m", "zhiyin.execution.worker", str(order)]
        # It inherits the lock: when this process is killed, nobody else writes here until torchrun has ended.
        done = subprocess.run(command, check=False, close_fds=False, env={"OMP_NUM_THREADS": "1", **os.environ})
        if done.returncode:
            raise RuntimeError(f"{step.label}: torchrun ended with {done.returncode}; its output is above")
        return dict(json.loads(order.with_suffix(".summary").read_text(encoding="utf-8")))


def _location(value: Any) -> Any:
    """Return where an input lies and which class reads it, as JSON values."""
    if isinstance(value, dict):
        return {"many": {key: _location(artifact) for key, artifact in value.items()}}
    return {"class": f"{type(value).__module__}.{type(value).__qualname__}", "path": str(value.path)}
