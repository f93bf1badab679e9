"""Python's garbage collector, which rests while a piece is worked on."""

import gc
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")


def uncollected(function: Callable[[P], R]) -> Callable[[P], R]:
    """Return the function, to be run while the garbage collector rests.

    A piece makes thousands of objects that hold no cycle and are gone when it is done; the collector would go through
    them, and through all modules, again and again.
    """

    @wraps(function)
    def calls(piece: P) -> R:
        collects = gc.isenabled()
        gc.disable()
        try:
            return function(piece)
        finally:
            if collects:
                gc.enable()

    return calls
