"""`zhiyin run`: make what a recipe asks for and is not there yet, and show what came out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhiyin.cli.options import STORE, Overrides, RecipeFile, StoreFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from zhiyin.cli.live import Watcher
    from zhiyin.execution.runtime import Runtime
    from zhiyin.execution.step import Step
    from zhiyin.recipe.wiring import Recipe


def run(
    recipe: RecipeFile,
    overrides: Overrides = None,
    store: StoreFolder = STORE,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto: the best one present.")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Processes for data work.")] = 1,
    num_processes: Annotated[int, typer.Option(min=1, help="Training processes, started by torchrun.")] = 1,
    micro_batch_tokens: Annotated[int, typer.Option(min=1, help="Padded tokens in one forward pass.")] = 8192,
    until: Annotated[str | None, typer.Option(metavar="LABEL", help="Make this step and what it needs.")] = None,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code a step failed.")] = False,
) -> None:
    """Make every step of a recipe that is not held yet, then show the scores and the report."""
    from zhiyin.cli import links, outcome
    from zhiyin.cli.exits import recipe_errors
    from zhiyin.cli.live import watcher
    from zhiyin.cli.terminal import console
    from zhiyin.execution.runtime import Runtime
    from zhiyin.execution.step import in_order
    from zhiyin.execution.store import Store
    from zhiyin.recipe.wiring import load_recipe

    runtime = Runtime(
        store=store,
        device=device,
        workers=workers,
        num_processes=num_processes,
        micro_batch_tokens=micro_batch_tokens,
    )
    with recipe_errors():
        loaded = load_recipe(recipe, overrides or ())
    targets = _targets(loaded, until)
    out = console()
    out.print(f"{loaded.title} ({recipe})")
    watching = watcher(out, [step.label for step in in_order(*targets)])
    try:
        _make(targets, runtime, watching, traceback)
    finally:
        watching.stopped()
        folder = links.refresh(loaded.name, loaded.steps, Store(store))
    _count(out, watching)
    outcome.show(out, [Store(store).open(step) for step in in_order(*targets)])
    out.print(f"Artifacts: {_near(folder)}/")


def _targets(recipe: "Recipe", until: str | None) -> "list[Step[Any]]":
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.execution.catalog import nearest

    if until is None:
        return list(recipe.steps.values())
    if until not in recipe.steps:
        near = nearest(until, tuple(recipe.steps))
        leave(f"--until: no step has the label {until!r}{near}; there are {', '.join(recipe.steps)}", REFUSED)
    return [recipe.steps[until]]


def _make(targets: "Iterable[Step[Any]]", runtime: "Runtime", watching: "Watcher", traceback: bool) -> None:
    """Run the plan; end with a plain message when it is interrupted or a step fails."""
    from zhiyin.cli.exits import FAILED, INTERRUPTED, leave
    from zhiyin.execution.progress import watched_by
    from zhiyin.execution.runner import run as run_steps

    try:
        with watched_by(watching.progress):
            run_steps(targets, runtime, watching.event)
    except KeyboardInterrupt:
        watching.stopped()
        leave(f"\nStopped. {_kept(watching, runtime.store)} The next run goes on from there.", INTERRUPTED)
    except Exception as error:
        watching.stopped()
        if traceback:
            raise
        label = f"{watching.running.step.label}: " if watching.running else ""
        said = label + _said(error).removeprefix(label)
        leave(f"{said}\n{_kept(watching, runtime.store)} --traceback shows where in the code it failed.", FAILED)


def _said(error: Exception) -> str:
    """Write an exception for people; the name of its class only where the message alone says little."""
    from zhiyin.cli.packages import remedy

    if isinstance(error, ImportError):
        return f"{error}{remedy(error.name or '')}"
    plain = isinstance(error, ValueError | RuntimeError | OSError) and str(error)
    return str(error) if plain else f"{type(error).__name__}: {error}"


def _kept(watching: "Watcher", store: Path) -> str:
    finished = watching.made + watching.held
    what = "No step is" if not finished else "1 step is" if finished == 1 else f"{finished} steps are"
    resumes = watching.running is not None and watching.running.step.config.resumable
    unfinished = f"; {watching.running.step.label} keeps its last checkpoint" if resumes and watching.running else ""
    return f"{what} finished and kept in {store}/{unfinished}."


def _count(out: "Console", watching: "Watcher") -> None:
    held = "1 step is" if watching.held == 1 else f"{watching.held} steps are"
    if not watching.made:
        out.print(f"Nothing to make: {'all ' if watching.held != 1 else ''}{held} held.")
    else:
        out.print(f"Made {watching.made}; {held} held from before.")


def _near(folder: Path) -> Path:
    """Write a path from the current folder where it lies inside it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
