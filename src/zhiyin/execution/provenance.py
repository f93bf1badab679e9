"""When, where and from what a step ran: facts for the reader, never part of identity."""

import hashlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zhiyin.execution.runtime import Runtime

PACKAGES = ("zhiyin", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy", "scipy", "polars")


def capture(module: str, runtime: Runtime) -> Callable[[], dict[str, Any]]:
    """Start the clock and reset peak memory; call what is returned at the end for the finished record."""
    began, clock, cpu = datetime.now(UTC), time.monotonic(), time.process_time()
    _reset_peak_memory()

    def finish() -> dict[str, Any]:
        return {
            "began": began.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "peak_memory_bytes": peak_memory(),
            "code": code_hash(module),
            "commit": _git("rev-parse", "HEAD"),
            "dirty": bool(_git("status", "--porcelain")),
            "machine": f"{platform.platform()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            "packages": {name: found for name in PACKAGES if (found := _installed(name))},
            "runtime": runtime.plain(),
        }

    return finish


def peak_memory() -> int:
    """Return the peak resident memory of this process since the last reset, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().split("\n") if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def code_hash(module: str) -> str:
    """Return a hash of a module's source file, to notice that code changed while its version did not."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:12]


def _reset_peak_memory() -> None:
    """Set VmHWM back to what is in use now; needs a Linux /proc that may be written."""
    file = Path("/proc/self/clear_refs")
    if file.exists() and os.access(file, os.W_OK):
        file.write_text("5")


@lru_cache
def _git(*arguments: str) -> str:
    """Ask once in a process: what runs is the code as it was loaded."""
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@lru_cache
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
