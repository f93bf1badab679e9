"""`runs/<recipe>/05-sft`: readable links to the artifacts of a recipe, beside the store."""

import os
from pathlib import Path
from typing import Any

from zhiyin.execution.step import Step, in_order
from zhiyin.execution.store import Store


def refresh(name: str, steps: dict[str, Step[Any]], store: Store) -> Path:
    """Link every finished step of a recipe and remove the links that are no longer true; return the folder.

    The links are relative, so the store and `runs` may be moved together.
    """
    folder = store.root.absolute().parent / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
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
        new = folder / f".{link}.{os.getpid()}"
        new.symlink_to(os.path.relpath(target, folder))
        os.replace(new, folder / link)
    return folder
