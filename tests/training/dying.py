"""The train step with a death in it: at a step of its own choice the second process kills itself, in its first life."""

import os
import signal
from pathlib import Path
from typing import Any

from zhiyin.artifacts import Adapter, Checkpoint, ConversationSet, PreferenceSet, TextSet
from zhiyin.execution.runtime import Runtime
from zhiyin.training import train as real
from zhiyin.training.train import Config

DIES_AT = 4
"""Optimiser step, counted from 1."""


def train(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    model: Checkpoint,
    data: TextSet | ConversationSet | PreferenceSet,
    held_out: TextSet | ConversationSet | PreferenceSet | None = None,
) -> Checkpoint | Adapter:
    """Train as the real step does, until the death."""
    from zhiyin.training.trainer import StepTrainer

    step = StepTrainer.training_step

    def until(self: StepTrainer, *arguments: Any, **more: Any) -> Any:
        if self.state.global_step + 1 == DIES_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments, **more)

    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        StepTrainer.training_step = until  # type: ignore[method-assign]
    return real.train(config, out=out, runtime=runtime, model=model, data=data, held_out=held_out)
