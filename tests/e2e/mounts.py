"""A real file system of a given size, in a mount namespace that ends with the process that holds it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """A tmpfs on a folder, seen by the processes started through it and by nobody else."""

    folder: Path
    holder: int

    @property
    def seen(self) -> Path:
        """The folder as it is seen from outside."""
        return Path(f"/proc/{self.holder}/root{self.folder}")

    def through(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return the command that runs another one inside, in the folder above."""
        enter = ("nsenter", "--target", str(self.holder), "--user", "--mount", "--preserve-credentials")
        return (*enter, "sh", "-c", f"cd '{self.folder.parent}' && exec \"$@\"", "sh", *command)

    def change(self, options: str) -> None:
        """Give the file system another size, or make it read-only."""
        subprocess.run(self.through(("mount", "-o", f"remount,{options}", str(self.folder))), check=True)


OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


def can_mount() -> bool:
    """Tell whether this machine lets a process mount for itself alone."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    tried = subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], check=False, capture_output=True)
    return tried.returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Mount]:
    """Mount a file system of that size on a folder."""
    mount = f"mount -t tmpfs -o size={size} tmpfs '{folder}' && echo ready && exec sleep 3600"
    folder.mkdir(parents=True)
    holder = subprocess.Popen([*OWN_MOUNTS, "sh", "-c", mount], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "ready\n"
        yield Mount(folder, holder.pid)
    finally:
        holder.kill()
        holder.communicate()
