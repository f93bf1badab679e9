"""Pieces of a file, and functions mapped over them: the same in one process and in several."""

import gc
import os
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.data.pool import PRELOADED
from zhiyin.data.shards import SIZE, Shard, cut, mapped
from zhiyin.execution.runtime import Runtime

LINES = st.lists(st.text(st.sampled_from("a字\u2028\x85\r"), max_size=9).map(lambda text: text.encode()))


@given(LINES, st.integers(1, 40), st.booleans())
def test_pieces_hold_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, unended: bool
) -> None:
    whole = b"".join(line + b"\n" for line in lines) + (b"end" if unended else b"")
    path = tmp_path_factory.getbasetemp() / "pieces"
    path.write_bytes(whole)
    shards = cut(path, size)
    expected = [*lines, b"end"] if unended else lines
    assert [line for shard in shards for line in shard.lines()] == [line + b"\n" for line in expected]
    assert [(shard.start, shard.stop) for shard in shards] == pieces(whole, size)


def pieces(whole: bytes, size: int) -> list[tuple[int, int]]:
    """Cut a text the slow way: line by line, and a piece is full when it has the size."""
    bounds, start, stop = list[tuple[int, int]](), 0, 0
    for line in whole.split(b"\n"):
        stop = min(stop + len(line) + 1, len(whole))
        if stop - start >= size or stop == len(whole):
            bounds.append((start, stop))
            start = stop
    return [each for each in bounds if each[0] < each[1]]


def test_a_piece_is_some_megabytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 99 + b"\n")
    assert cut(tmp_path / "file") == [Shard(tmp_path / "file", 0, 100)]
    assert 1_000_000 <= SIZE <= 10_000_000


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"file: it ended 7 bytes early; it was changed"):
        Shard(short(tmp_path), 0, 10).lines()


def short(folder: Path) -> Path:
    (folder / "file").write_bytes(b"ab\n")
    return folder / "file"


def late_square(number: int) -> int:
    time.sleep(0.05 * (number % 3 == 0))
    return number * number


def collects(_: int) -> bool:
    return gc.isenabled()


def test_the_garbage_collector_rests_wherever_a_piece_is_worked_on() -> None:
    for workers in (1, 2):
        assert list(mapped(collects, range(3), Runtime(workers=workers))) == [False] * 3
    assert gc.isenabled()


def test_results_come_in_order_for_any_number_of_workers() -> None:
    expected = [number * number for number in range(9)]
    for workers in (1, 2):
        assert list(mapped(late_square, range(9), Runtime(workers=workers))) == expected
    assert list(mapped(late_square, (), Runtime(workers=2))) == []


def test_what_the_server_imports_is_there() -> None:
    """A module that is gone would be passed over, and each worker would import the rest by itself."""
    assert PRELOADED[0] == "__main__"
    assert all(find_spec(name) is not None for name in PRELOADED[1:])


class Odd(Exception):
    """It cannot travel: it takes two arguments and shows one."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(f"{what} {number}")


def fail(kind: str, number: int) -> int:
    if number < 2:
        return number
    if kind == "value":
        raise ValueError(f"file:{number}: broken")
    if kind == "odd":
        raise Odd("broken", number)
    os._exit(9)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_keeps_its_words(workers: int) -> None:
    with pytest.raises(ValueError, match=r"^file:2: broken$"):
        list(mapped(partial(fail, "value"), range(9), Runtime(workers=workers)))
    with pytest.raises(Odd if workers == 1 else RuntimeError, match="broken 2"):
        list(mapped(partial(fail, "odd"), range(9), Runtime(workers=workers)))


def test_a_process_that_was_killed_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"one of 2 worker processes was killed; .*fewer workers"):
        list(mapped(partial(fail, "exit"), range(9), Runtime(workers=2)))


def note(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number


def test_results_do_not_pile_up(tmp_path: Path) -> None:
    found = mapped(partial(note, tmp_path), range(40), Runtime(workers=2))
    next(found)
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) <= 6
    found.close()  # type: ignore[attr-defined]
    assert len(list(tmp_path.iterdir())) <= 6
