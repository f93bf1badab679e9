"""Where and how work runs: never part of what an artifact is."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from zhiyin.execution.config import Config


class Runtime(Config):
    """Settings of this machine. Changing one never makes a new artifact; results agree to rounding."""

    store: Path = Path("store")
    """Where artifacts are kept."""
    device: str = "auto"
    """`cpu`, `cuda`, `mps`, or `auto`: the best one present."""
    workers: int = Field(default=1, ge=1)
    """Processes for data work."""
    cluster: str = ""
    """Address of the Ray cluster that data work runs on instead, `auto` for the one of this machine; empty: none."""
    num_processes: int = Field(default=1, ge=1)
    """Training processes on this machine, started by torchrun when above one on all machines together."""
    nodes: int = Field(default=1, ge=1)
    """Machines that share the store and each run the same command; they meet at `rendezvous`."""
    rendezvous: str = "localhost:29400"
    """HOST:PORT on one of them, where torchrun's processes find each other."""
    max_restarts: int = Field(default=0, ge=0)
    """How often training processes start again from the last checkpoint after one of them died."""
    parallelism: Literal["ddp", "fsdp2"] = "ddp"
    """`ddp`: each training process holds the whole model. `fsdp2`: the weights are cut over them."""
    micro_batch_tokens: int = Field(default=8192, ge=1)
    """Padded tokens in one forward pass, at most (one record at least). Gradients do not depend on it."""
    activation_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: a third more work, far less memory."""
    checkpoint_seconds: float = Field(default=60.0, gt=0)
    """Seconds of training between two checkpoints."""
    keep_checkpoints: int = Field(default=1, ge=1)
    """Checkpoints kept of a training that is not finished: the newest ones."""
    report_to: str = "none"
    """Where a training's measurements are shown too: `tensorboard`, `wandb`, or another reporter of the Trainer."""
    checkpoint_async: bool = False
    """Write checkpoints beside the training that goes on. It costs a copy of the trained weights and their state."""
