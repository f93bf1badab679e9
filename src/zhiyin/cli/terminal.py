"""The one way verbs print: Rich on a terminal, plain lines without control codes elsewhere."""

import sys

from rich.console import Console


def console() -> Console:
    """Return a console for stdout. Text is printed as it is: no markup, no colouring of numbers.

    Where stdout is not a terminal lines are long, never wrapped: a log is for `grep`.
    """
    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        width=None if sys.stdout.isatty() else 160,
    )
