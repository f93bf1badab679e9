"""Where artifacts lie: `<root>/<kind>-<fingerprint>/`, whole or not there at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from zhiyin.execution.artifact import MANIFEST, Artifact, FileRecord, Manifest
from zhiyin.execution.config import digest
from zhiyin.execution.step import Step

PARTIAL = ".partial"
CHECKPOINTS = "checkpoints"
"""Where a resumable verb keeps under `out` what it goes on from; not part of the artifact."""
A = TypeVar("A", bound=Artifact)


class Damaged(RuntimeError):
    """An artifact whose bytes are not those that were committed."""


class Store:
    """A folder of finished artifacts, and under `.partial/` the ones still being made."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, step: Step[Any]) -> Path:
        """Return the folder that holds, or will hold, the step's artifact."""
        return self.root / step.folder

    def partial(self, step: Step[Any]) -> Path:
        """Return the folder that the step's artifact is made in."""
        return self.root / PARTIAL / step.folder

    def holds(self, step: Step[Any]) -> bool:
        """Tell whether the step is finished, that is, whether its manifest exists."""
        return (self.path(step) / MANIFEST).is_file()

    def open(self, step: Step[A], *, thorough: bool = False) -> A:
        """Open a finished artifact; raises `Damaged` and names the file if its bytes changed since."""
        artifact = step.produces(self.path(step), Manifest.read(self.path(step)).summary)
        if damage := artifact.damage(thorough=thorough):
            raise Damaged(f"{step.label}: {damage}; remove {artifact.path} to make it again")
        return artifact

    def manifests(self) -> Iterator[Manifest]:
        """Yield the record of every finished artifact, oldest first."""
        for file in sorted(self.root.glob(f"*/{MANIFEST}"), key=lambda file: file.stat().st_mtime_ns):
            yield Manifest.read(file.parent)

    @contextmanager
    def making(self, step: Step[Any], on_wait: Callable[[], None]) -> Iterator[Path | None]:
        """Yield the folder to write in, alone, or None when the artifact is finished.

        The folder keeps its name, so an interrupted step finds its checkpoints. Waits, after calling `on_wait`, while
        another process makes the same artifact.
        """
        if self.holds(step):
            yield None
            return
        partial = self.partial(step)
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.with_name(partial.name + ".lock").open("w") as lock:
            os.set_inheritable(lock.fileno(), True)  # for torchrun, which may outlive this process: see `runner`
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            held = self.holds(step)
            if not held:
                if partial.exists() and not step.config.resumable:
                    shutil.rmtree(partial)
                partial.mkdir(exist_ok=True)
                (partial / MANIFEST).unlink(missing_ok=True)  # of a commit that was cut off before its rename
            yield None if held else partial

    def commit(self, step: Step[Any], partial: Path, summary: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Flush every file, write the manifest last, then move the folder into place in one rename.

        Checkpoints are removed between the two, so a disk that refuses the manifest does not cost them.

        Raises `Damaged` when a file that the config names has other bytes than when the run was planned.
        """
        if replace(step).fingerprint != step.fingerprint:
            raise Damaged(f"{step.label}: a file it reads changed since the run was planned; run again")
        checkpoints, target = partial / CHECKPOINTS, self.path(step)
        kept = [path for path in partial.rglob("*") if checkpoints not in (path, *path.parents)]
        files: dict[str, FileRecord] = {}
        for file in sorted(path for path in kept if path.is_file()):
            name = file.relative_to(partial).as_posix()
            flush(file)
            stat = file.stat()
            files[name] = FileRecord(
                role=step.produces.role(name), size=stat.st_size, sha256=digest(file), modified_ns=stat.st_mtime_ns
            )
        manifest = Manifest(
            label=step.label,
            kind=step.kind,
            module=step.function.__module__,
            version=step.version,
            fingerprint=step.fingerprint,
            config=step.config.plain(),
            inputs={name: upstream.folder for name, upstream in step.flat_inputs.items()},
            files=files,
            summary=dict(summary),
            provenance=dict(provenance),
        )
        (partial / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
        flush(partial / MANIFEST)
        for gone in (checkpoints, target):
            if gone.exists():
                shutil.rmtree(gone)
        for path in (*(path for path in kept if path.is_dir()), partial):
            flush(path)
        os.replace(partial, target)
        flush(self.root)


def flush(path: Path) -> None:
    """Force a file's bytes, or a folder's names, to the disk; raises `OSError` that names it.

    After a failure the system forgets that bytes are missing, and a second try would succeed: so the file goes.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if path.is_file():
            path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)
