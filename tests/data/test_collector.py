"""The collector rests while a function runs, and is as before afterwards."""

import gc
from functools import partial

import pytest

from zhiyin.data.collector import uncollected


def resting(ends: Exception | None, piece: int) -> tuple[int, bool]:
    """Return the piece, and whether the collector works."""
    if ends is not None:
        raise ends
    return piece, gc.isenabled()


def test_the_collector_rests_meanwhile() -> None:
    assert gc.isenabled()
    assert uncollected(partial(resting, None), 7) == (7, False)
    assert gc.isenabled()


def test_it_works_again_after_a_failure() -> None:
    with pytest.raises(ValueError, match="bad piece"):
        uncollected(partial(resting, ValueError("bad piece")), 1)
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        assert uncollected(partial(resting, None), 1) == (1, False)
        assert not gc.isenabled()
    finally:
        gc.enable()
