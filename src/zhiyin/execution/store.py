"""Where artifacts lie: `<root>/<kind>-<fingerprint>/`, whole or not there at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from zhiyin.execution.artifact import MANIFEST, Artifact, FileRecord, Manifest
from zhiyin.execution.config import digest
from zhiyin.execution.step import Step

PARTIAL = ".partial"
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

    def holds(self, step: Step[Any]) -> bool:
        """Tell whether the step is finished, that is, whether its manifest exists."""
        return (self.path(step) / MANIFEST).is_file()

    def open(self, step: Step[A], *, thorough: bool = False) -> A:
        """Open a finished artifact; raises `Damaged` and names the file if its bytes changed since."""
        manifest = Manifest.read(self.path(step))
        artifact = step.produces(self.path(step), manifest.summary)
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
        partial = self.root / PARTIAL / step.folder
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.with_name(partial.name + ".lock").open("w") as lock:
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
        """Flush every file, write the manifest last, then move the folder into place in one rename."""
        files: dict[str, FileRecord] = {}
        for file in sorted(path for path in partial.rglob("*") if path.is_file()):
            name = file.relative_to(partial).as_posix()
            _flush(file)
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
        for path in (partial / MANIFEST, *(p for p in partial.rglob("*") if p.is_dir()), partial):
            _flush(path)
        target = self.path(step)
        if target.exists():
            shutil.rmtree(target)
        os.replace(partial, target)
        _flush(self.root)


def _flush(path: Path) -> None:
    """Force a file's bytes, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
