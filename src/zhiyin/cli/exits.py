"""How a verb ends early: one plain message on stderr and an exit code, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from zhiyin.locale.words import counted, retell

FAILED = 1
"""A step failed, an artifact is damaged, something needed is missing."""
REFUSED = 2
"""The command or the recipe is wrong; nothing was run."""
UNMET = 3
"""Everything was made, and a comparison that the recipe requires did not come out as expected."""
SIGNALLED = 128
"""And the number of the signal: 130 after Ctrl-C, 143 after SIGTERM."""


def leave(message: str, code: int) -> NoReturn:
    """Print a message on stderr, in the reader's language, and end with that code."""
    typer.echo(retell(message), err=True)
    raise typer.Exit(code)


@contextmanager
def recipe_errors() -> Iterator[None]:
    """Turn everything wrong with a recipe into lines on stderr and exit code 2."""
    from zhiyin.recipe.document import RecipeError

    try:
        yield
    except RecipeError as error:
        count = counted("{number} error; nothing was run.", "{number} errors; nothing was run.", len(error.problems))
        leave(f"{error}\n{count}", REFUSED)
