"""Where and how work runs: never part of what an artifact is."""

from pathlib import Path

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
    num_processes: int = Field(default=1, ge=1)
    """Training processes, started by torchrun when above one."""
    micro_batch_tokens: int = Field(default=8192, ge=1)
    """Padded tokens in one forward pass, at most (one record at least). Gradients do not depend on it."""
    checkpoint_seconds: float = Field(default=60.0, gt=0)
    """Seconds of training between two checkpoints."""
