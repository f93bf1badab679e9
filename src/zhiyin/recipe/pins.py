"""Data sets of a hub whose commit a recipe leaves open, and the command that runs it with the newest of each."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from zhiyin.data.repositories import Repository
from zhiyin.execution.step import Step


def unpinned(recipe: Path, overrides: Sequence[str], steps: Iterable[Step[Any]]) -> str | None:
    """Say which steps would read a data set without a chosen commit, and what to type; None where each has one."""
    found = [(f"{step.label}.source.{name}", repository) for step in steps for name, repository in _open(step.config)]
    if not found:
        return None
    newest = [f"{key}.revision=$(git ls-remote {repository.address} HEAD | cut -f1)" for key, repository in found]
    names = ", ".join(dict.fromkeys(repository.repo for _, repository in found))
    command = " \\\n  ".join([f"zhiyin run {shlex.quote(str(recipe))}", *map(shlex.quote, overrides), *newest])
    return (
        f"no commit was chosen for {names}: its place is held by zeros. This takes the newest of each; write the "
        f"commits into the recipe, and the run can be repeated:\n{command}"
    )


def _open(config: Any) -> Iterable[tuple[str, Repository]]:
    """Yield the repositories without a commit that a step's source reads, each under the name of its field."""
    source = getattr(config, "source", None)
    for name in ("hub", "modelscope"):
        repository = getattr(source, name, None)
        if isinstance(repository, Repository) and not repository.chosen:
            yield name, repository
