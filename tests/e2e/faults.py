"""Run `zhiyin` in a process that is killed, or meets a failing disk, at a place named in advance.

`python -m tests.e2e.faults ORDER ARGUMENTS...`; ORDER is an `Order` as JSON. What the process does is noted in a file
line by line, without a buffer, so that the notes outlive a kill.
"""

import builtins
import errno
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from zhiyin.cli.app import main
from zhiyin.execution.store import Store

WRITES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "shutil.rmtree"}
FULL_DEVICE = "/dev/full"
"""Takes an `open`, and refuses every byte with ENOSPC, whoever writes it."""


@dataclass(frozen=True)
class Order:
    """What is to happen to the process."""

    notes: str
    """The file to note in."""
    kill: str = ""
    """SIGKILL at a touch of the disk that fits this pattern: `open .../manifest.json`, `os.rename ...`."""
    number: int = 1
    """At which of those touches."""
    committing: bool = False
    """Count only touches between the beginning and the end of `Store.commit`."""
    fail: str = ""
    """The touches that fail: a pattern again, of which `fsync` and `write` are touches too."""
    error: int = 0
    """With which error number."""

    def through(self) -> tuple[str, ...]:
        """Return the command that runs `zhiyin` under this order."""
        return (sys.executable, "-m", "tests.e2e.faults", json.dumps(asdict(self)))


class Disk:
    """Stands between the process and the disk."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.touches = 0
        self.committing = False

    def note(self, **facts: Any) -> None:
        """Write one line that a kill cannot take back."""
        descriptor = os.open(self.order.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, (json.dumps(facts) + "\n").encode())
        os.close(descriptor)

    def touched(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of a touch before it happens, as an audit hook does."""
        if event not in WRITES and event != "open":
            return
        path = str(arguments[0])
        if path == self.order.notes:
            return
        self._kill(f"{event} {path}")
        if event != "open" or _is_write(arguments):
            self.refuse(event, path)
        if event == "os.mkdir" and (found := re.search(r"/step-(\d+)\.partial$", path)):
            self.note(checkpoint=int(found[1]))
            self._break()

    def _break(self) -> None:
        """Let the tensors of a checkpoint fail as safetensors does, which is Rust and tells Python nothing."""
        checkpoints = sys.modules["zhiyin.training.checkpoints"]
        save = checkpoints.save_file

        def save_file(tensors: Any, file: Path) -> None:
            if re.search(self.order.fail, f"write {file}"):
                file.write_bytes(b"\0" * 1000)
                raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
            save(tensors, file)

        if self.order.fail and save.__module__ != __name__:
            setattr(checkpoints, "save_file", save_file)  # noqa: B010

    def _kill(self, touch: str) -> None:
        if not self.order.kill or (self.order.committing and not self.committing):
            return
        self.touches += bool(re.search(self.order.kill, touch))
        if self.touches == self.order.number:
            self.note(killed=touch)
            os.kill(os.getpid(), signal.SIGKILL)

    def refuse(self, event: str, path: str) -> None:
        """Raise if this touch is to fail."""
        if self.order.fail and re.search(self.order.fail, f"{event} {path}"):
            raise OSError(self.order.error, os.strerror(self.order.error), path)

    def commit(self, commit: Callable[..., None]) -> Callable[..., None]:
        """Wrap `Store.commit`, to know when it is at work."""

        def watched(*arguments: Any) -> None:
            self.committing = True
            commit(*arguments)
            self.committing = False

        return watched

    def sync(self, sync: Callable[[Any], None]) -> Callable[[Any], None]:
        """Wrap `os.fsync`, of which no audit event tells. Its error names no file, as in life."""

        def synced(descriptor: Any) -> None:
            try:
                self.refuse("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
            except OSError as error:
                raise OSError(error.errno, error.strerror) from None
            sync(descriptor)

        return synced

    def opened(self, opening: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap `open`: a file whose writes are to fail becomes a device that is full."""

        def opened(file: Any, *arguments: Any, **named: Any) -> Any:
            fails = self.order.fail and re.search(self.order.fail, f"write {file}")
            return opening(FULL_DEVICE if fails else file, *arguments, **named)

        return opened


def _is_write(arguments: tuple[Any, ...]) -> bool:
    """Tell whether an `open` may change the disk."""
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def install(order: Order) -> None:
    """Change what this process does to the disk."""
    disk = Disk(order)
    setattr(Store, "commit", disk.commit(Store.commit))  # noqa: B010
    os.fsync = cast("Any", disk.sync(os.fsync))
    builtins.open = io.open = disk.opened(io.open)
    if order.fail.startswith("write") and order.error != errno.ENOSPC:
        raise ValueError("a write can only fail with ENOSPC")
    sys.addaudithook(disk.touched)


if __name__ == "__main__":
    install(Order(**json.loads(sys.argv.pop(1))))
    sys.argv[0] = "zhiyin"
    main()
