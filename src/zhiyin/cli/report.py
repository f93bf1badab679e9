"""`zhiyin report`: finished runs side by side on one page, each compared with the first."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiyin.cli.options import STORE, StoreFolder
from zhiyin.locale.words import retell, say, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zhiyin.artifacts import Page
    from zhiyin.execution.step import Step

RunNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN",
        help="A recipe, a folder in runs/, or a page; NAME=RUN calls it NAME.",
        show_default=False,
    ),
]


def report(
    runs: RunNames,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The heading of the page.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Copy the page there as well.")] = None,
    store: StoreFolder = STORE,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code a step failed.")] = False,
) -> None:
    """Show finished runs on one page, with paired comparisons to the first of them."""
    from zhiyin.cli import outcome
    from zhiyin.cli.live import watcher
    from zhiyin.cli.making import count, make
    from zhiyin.cli.terminal import console
    from zhiyin.execution.runtime import Runtime
    from zhiyin.execution.step import in_order
    from zhiyin.execution.store import Store
    from zhiyin.recipe.comparison import notes
    from zhiyin.recipe.held import Held
    from zhiyin.report.history import Runs
    from zhiyin.report.shown import Shown

    pages = _pages(runs, store)
    heading = title or _title(pages)
    page = _comparison(pages, heading)
    own = [step for step in in_order(page) if not isinstance(step, Held)]
    screen = console()
    screen.print(f"{heading} ({', '.join(pages)})")
    watching = watcher(screen, [step.label for step in own])
    make([page], Runtime(store=store), watching, traceback=traceback)
    count(screen, watching)
    shown = [Shown.by(run) for run in pages.values()]
    scores = [score for run in shown for score in run.scores]
    ruled = shown[0].verdicts if len(shown) == 1 else ()
    outcome.show(screen, [*scores, *ruled, *(Store(store).open(step) for step in own)], Runs.of(pages))
    for note in notes(pages):
        screen.print(say("note: {note}", note=retell(note)), style="dim")
    if out:
        _copy(Store(store).path(page), out)


def _pages(runs: list[str], store: Path) -> "Mapping[str, Page]":
    from zhiyin.cli.exits import REFUSED, leave, recipe_errors
    from zhiyin.cli.finished import finished_runs

    try:
        with recipe_errors():
            return finished_runs(runs, store)
    except LookupError as error:
        leave(str(error.args[0]), REFUSED)


def _comparison(pages: "Mapping[str, Page]", title: str) -> "Step[Page]":
    """Plan the page; an ancestor that is gone, or a summary of another shape, ends it with a plain message."""
    from zhiyin.cli.exits import FAILED, leave
    from zhiyin.recipe.comparison import comparison

    try:
        return comparison(pages, title=title, language=spoken())
    except (OSError, ValueError) as error:
        leave(str(error), FAILED)


def _title(pages: "Mapping[str, Page]") -> str:
    """Return the title of the only run, or name them all."""
    if len(pages) > 1:
        return say("Comparison of {runs}", runs=", ".join(pages))
    ((name, only),) = pages.items()
    return str(only.manifest.config.get("title", name))


def _copy(page: Path, folder: Path) -> None:
    """Copy what a browser opens: the page, and the one of the items that it links to."""
    from zhiyin.cli.terminal import console

    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(page.glob("*.html")):
        shutil.copyfile(file, folder / file.name)
    console().print(say("Copied to {folder}/", folder=folder))
