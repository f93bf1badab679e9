"""Python's garbage collector, which rests while a piece is worked on."""

import gc
from collections.abc import Callable
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")


def uncollected(function: Callable[[P], R], piece: P) -> R:
    """Call the function while the garbage collector rests.

    A piece makes thousands of objects that hold no cycle and are gone when it is done; the collector would go through
    them, and through all modules, again and again.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return function(piece)
    finally:
        if collects:
            gc.enable()
