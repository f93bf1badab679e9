"""Make what is missing, in order, one step at a time."""

import json
import os
import pickle
import signal
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
    """Open a step, or run it when its inputs are finished. An exception leaves nothing under the step's name.

    Of several machines that share the store, the first to come runs the step and commits it; the others take part.
    """
    spread = step.config.parallel and runtime.nodes * runtime.num_processes > 1

    def wait() -> None:
        tell("waiting")
        if spread and runtime.nodes > 1:
            _under_torchrun(step, store.partial(step), runtime, _inputs(step, store))

    with store.making(step, on_wait=wait) as partial:
        if partial is not None:
            inputs = _inputs(step, store)
            tell("making")
            provenance = capture(step.function.__module__, runtime)
            if spread:
                summary = _under_torchrun(step, partial, runtime, inputs)
            else:
                summary = step.function(step.config, out=partial, runtime=runtime, **inputs).summary
            store.commit(step, partial, summary, provenance())
    artifact: Artifact = store.open(step)
    tell("held" if partial is None else "made")
    return artifact


def _inputs(step: Step[Any], store: Store) -> dict[str, Any]:
    """Open what the step reads, every byte compared with its manifest."""
    opened = {name: store.open(upstream, thorough=True) for name, upstream in step.flat_inputs.items()}
    return {
        name: opened[name] if isinstance(value, Step) else {key: opened[f"{name}.{key}"] for key in value}
        for name, value in step.inputs.items()
    }


def _under_torchrun(step: Step[Any], partial: Path, runtime: Runtime, inputs: dict[str, Any]) -> dict[str, Any]:
    """Run the verb in several processes; the first on this machine writes the summary for this process to commit."""
    meeting = ["--nnodes", str(runtime.nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", runtime.rendezvous]
    with TemporaryDirectory() as notes:
        order = Path(notes) / "order"
        order.write_bytes(pickle.dumps((step.function, step.config, {"out": partial, "runtime": runtime, **inputs})))
        command = [sys.executable, "-m", "torch.distributed.run", "--max-restarts", str(runtime.max_restarts)]
        command += [*meeting, "--rdzv-id", partial.name] if runtime.nodes > 1 else ["--standalone"]
        command += ["--nproc-per-node", str(runtime.num_processes), "-m", "zhiyin.execution.worker", str(order)]
        # It inherits the lock: when this process is killed, nobody else writes here until torchrun has ended.
        # Sharing torchrun's own store, restarted processes would find the addresses of the dead (pytorch issue 135712).
        environment = {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", **os.environ}
        with subprocess.Popen(command, close_fds=False, start_new_session=True, env=environment) as torchrun:
            try:
                torchrun.wait()
            except KeyboardInterrupt as stop:  # passed on once, and the processes are given time for a checkpoint
                torchrun.send_signal(*stop.args or (signal.SIGINT,))
                torchrun.wait()
                raise
        if torchrun.returncode:
            raise RuntimeError(f"{step.label}: torchrun ended with {torchrun.returncode}; its output is above")
        return dict(json.loads(order.with_suffix(".summary").read_text(encoding="utf-8")))
