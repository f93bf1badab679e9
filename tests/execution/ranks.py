"""A verb that several processes run together, as torchrun starts it: each leaves its rank, rank 0 hands over."""

import json
import os
import time
from pathlib import Path
from typing import ClassVar

from tests.execution.toys import Number, Style, Text

from zhiyin.execution.config import InputPath, StepConfig
from zhiyin.execution.runtime import Runtime


class Config(StepConfig):
    """What the processes read."""

    file: InputPath
    """A file, which reaches them by its path."""
    style: Style = Style()
    """A nested config."""
    fail: bool = False
    """Rank 1 raises."""

    pause: float = 0.0
    """Seconds to stay, with a file beside `file` that says so."""

    parallel: ClassVar[bool] = True


def ranks(config: Config, *, out: Path, runtime: Runtime, text: Text) -> Number:
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if config.fail and rank == 1:
        raise ValueError("rank 1 was told to fail")
    alive = config.file.with_name(f"alive-{os.getpid()}")
    alive.touch()
    time.sleep(config.pause)
    alive.unlink()
    (out / f"rank-{rank}.txt").write_text(f"{rank} of {size}: {text.content}{config.file.read_text()}")
    seen = {"size": size, "width": config.style.width, "characters": text.summary["characters"]}
    return Number(out, {**seen, "runtime": json.loads(runtime.model_dump_json())["num_processes"]})
