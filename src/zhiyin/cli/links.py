"""`runs/<recipe>/05-sft`: readable links to the artifacts of a recipe, beside the store."""

import fcntl
import os
from pathlib import Path
from typing import Any

from zhiyin.execution.step import Step, in_order
from zhiyin.execution.store import Store


def place(name: str, store: Store) -> Path:
    """Return the folder of a recipe's links."""
    return store.root.absolute().parent / "runs" / name


def refresh(folder: Path, steps: dict[str, Step[Any]], store: Store) -> None:
    """Link every finished step of a recipe and remove the links that are no longer true.

    The links are relative, so the store and `runs` may be moved together. What is right already is not written again,
    for a disk that may only be read; two processes take turns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _renew(folder, steps, store)
    finally:
        os.close(descriptor)


def _renew(folder: Path, steps: dict[str, Step[Any]], store: Store) -> None:
    numbers = {step.folder: number for number, step in enumerate(in_order(*steps.values()), start=1)}
    digits = max(2, len(str(len(numbers))))
    wanted = {
        f"{numbers[step.folder]:0{digits}d}-{label}": store.path(step).absolute()
        for label, step in steps.items()
        if store.holds(step)
    }
    for old in folder.iterdir():
        if old.is_symlink() and old.name not in wanted:
            old.unlink(missing_ok=True)
    for link, target in wanted.items():
        new, old = folder / f".{link}.{os.getpid()}", folder / link
        to = os.path.relpath(target, folder)
        if not (old.is_symlink() and os.readlink(old) == to):
            new.symlink_to(to)
            os.replace(new, old)
