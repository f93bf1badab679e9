"""`zhiyin run`: make what a recipe asks for and is not there yet, and show what came out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhiyin.cli.options import (
    STORE,
    Device,
    Further,
    MicroBatchTokens,
    NumProcesses,
    Overrides,
    RecipeFile,
    StoreFolder,
)
from zhiyin.locale.words import say

if TYPE_CHECKING:
    from zhiyin.execution.step import Step
    from zhiyin.execution.store import Store
    from zhiyin.recipe.wiring import Recipe


def run(
    recipe: RecipeFile,
    overrides: Overrides = None,
    store: StoreFolder = STORE,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Processes for data work.")] = 1,
    num_processes: NumProcesses = 1,
    micro_batch_tokens: MicroBatchTokens = 8192,
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0.001, metavar="S", help="Seconds of training between two checkpoints.")
    ] = 60.0,
    report_to: Annotated[
        str, typer.Option(metavar="NAME", help="Show a training's measurements in tensorboard or wandb too.")
    ] = "none",
    further: Further = None,
    until: Annotated[str | None, typer.Option(metavar="LABEL", help="Make this step and what it needs.")] = None,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code a step failed.")] = False,
) -> None:
    """Make every step of a recipe that is not held yet, then show the scores and the report."""
    from zhiyin.cli import outcome
    from zhiyin.cli.exits import REFUSED, leave, recipe_errors
    from zhiyin.cli.live import watcher
    from zhiyin.cli.machine import runtime
    from zhiyin.cli.making import count, make
    from zhiyin.cli.terminal import console
    from zhiyin.execution.step import in_order
    from zhiyin.execution.store import Store
    from zhiyin.recipe.pins import unpinned
    from zhiyin.recipe.wiring import load_recipe

    machine = runtime(
        further,
        store=store,
        device=device,
        workers=workers,
        num_processes=num_processes,
        micro_batch_tokens=micro_batch_tokens,
        checkpoint_seconds=checkpoint_seconds,
        report_to=report_to,
    )
    with recipe_errors():
        loaded = load_recipe(recipe, overrides or ())
    targets = _targets(loaded, until)
    if (said := unpinned(recipe, overrides or (), in_order(*targets))) is not None:
        leave(said, REFUSED)
    out = console()
    out.print(f"{loaded.title} ({recipe})")
    watching = watcher(out, [step.label for step in in_order(*targets)])
    try:
        make(targets, machine, watching, traceback=traceback)
    finally:
        watching.stopped()
        folder = _link(loaded, Store(store))
    count(out, watching)
    made = [Store(store).open(step) for step in in_order(*targets)]
    outcome.show(out, made)
    out.print(say("Artifacts: {folder}/", folder=_near(folder)))
    outcome.require(made)


def _targets(recipe: "Recipe", until: str | None) -> "list[Step[Any]]":
    from zhiyin.cli.exits import REFUSED, leave
    from zhiyin.execution.catalog import nearest

    if until is None:
        return list(recipe.steps.values())
    if until not in recipe.steps:
        near = nearest(until, tuple(recipe.steps))
        leave(f"--until: no step has the label {until!r}{near}; there are {', '.join(recipe.steps)}", REFUSED)
    return [recipe.steps[until]]


def _link(recipe: "Recipe", store: "Store") -> Path:
    """Refresh the links; a disk that refuses them neither fails the run nor hides why it failed."""
    from zhiyin.cli import links
    from zhiyin.cli.disk import disk_fault

    folder = links.place(recipe.name, store)
    try:
        links.refresh(folder, recipe.steps, store)
    except OSError as error:
        fault = disk_fault(error, folder)
        reason = fault.cause if fault else str(error)
        typer.echo(
            say("The links in {folder}/ could not be renewed: {reason}.", folder=_near(folder), reason=reason), err=True
        )
    return folder


def _near(folder: Path) -> Path:
    """Write a path from the current folder where it lies inside it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
