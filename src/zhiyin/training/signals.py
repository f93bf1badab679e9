"""Ctrl-C and SIGTERM while a model is trained: the step is finished and a checkpoint written before the end.

A second signal ends the process at once, where it stands; the last checkpoint counts then.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked the training to stop, and by which signal."""

    def __init__(self) -> None:
        self.number = 0
        """The signal that this process heard; 0 while none came."""
        self.agreed = 0
        """The signal for which all processes have stopped, after a checkpoint; 0 while they go on."""

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the second ends the process where it stands, by `KeyboardInterrupt`."""
        if self.number:
            raise KeyboardInterrupt(number)
        self.number = number
        if os.environ.get("RANK", "0") == "0":
            logging.getLogger(__name__).warning(
                "Stopping: this step is finished first and a checkpoint is written. Once more stops at once."
            )


@contextmanager
def heard() -> Iterator[StopRequest]:
    """Catch both signals inside the block; only the main thread can.

    At the end of a block in which one came, raises `KeyboardInterrupt` with its number; under torchrun the process
    exits with 128 and that number, as a shell says it.
    """
    request = StopRequest()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, request.hear) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if heard_number := request.agreed or request.number:
        raise SystemExit(128 + heard_number) if "TORCHELASTIC_RUN_ID" in os.environ else KeyboardInterrupt(heard_number)
