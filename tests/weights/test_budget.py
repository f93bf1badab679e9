"""Too little memory: work is cut smaller and done once, or ends with a sentence that says what to do."""

import gc
import logging
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Sequence

import pytest
import torch

from zhiyin.weights.budget import ADVICE, Budget, Part, in_parts, lacks_memory, tried

LACK = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried 1 bytes."


def cut(lengths: Sequence[int], tokens: int) -> list[Part[int]]:
    """Fill parts in the order given."""
    parts: list[Part[int]] = []
    for length in lengths:
        if not parts or parts[-1].tokens + length > tokens:
            parts.append(Part([], 0))
        parts[-1] = Part([*parts[-1].items, length], parts[-1].tokens + length)
    return parts


@pytest.mark.parametrize("limit", [7, 12, 40, 1000])
@pytest.mark.parametrize("tokens", [1, 10, 64, 10**6])
def test_every_item_is_done_once_whatever_fits(limit: int, tokens: int) -> None:
    lengths = [3, 7, 1, 5, 6, 2, 2, 4, 7, 1]
    budget = Budget(tokens)
    ran: list[list[int]] = []

    def compute(part: Part[int]) -> int:
        if part.tokens > limit:
            raise RuntimeError(LACK)
        ran.append(part.items)
        return sum(part.items)

    found = list(in_parts(lengths, cut, compute, budget, "sums"))
    assert [length for part in ran for length in part] == lengths
    assert [value for _, value in found] == [sum(part) for part in ran]
    assert sum(value for _, value in found) == 38
    assert budget.tokens == tokens or budget.tokens <= limit


def test_the_budget_is_halved_from_what_really_ran_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    budget = Budget(8192, lowered=told.append)
    budget.lower(5, 600, "an optimiser step")
    assert (budget.tokens, told) == (300, [300])
    budget.lower(2, 900, "an optimiser step")
    assert (budget.tokens, told) == (150, [300, 150])
    assert caplog.messages == [
        "Memory did not suffice for 5 examples of 600 tokens in an optimiser step: "
        "micro_batch_tokens goes from 8192 to 300, and the work is done again in parts.",
        "Memory did not suffice for 2 examples of 900 tokens in an optimiser step: "
        "micro_batch_tokens goes from 300 to 150, and the work is done again in parts.",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_single_item_that_does_not_fit_ends_with_what_to_do() -> None:
    def compute(part: Part[int]) -> int:
        if 9 in part.items:
            raise MemoryError
        return 0

    budget = Budget(100, advice="buy a larger machine")
    with pytest.raises(RuntimeError) as caught:
        list(in_parts([1, 9, 2], cut, compute, budget, "a test"))
    assert str(caught.value) == (
        "memory does not suffice for a single example of 9 tokens in a test, at a micro-batch of 6 tokens; "
        "buy a larger machine"
    )
    assert not lacks_memory(caught.value)
    assert Budget(1).advice == ADVICE


def test_a_budget_is_shared_and_a_number_makes_a_new_one() -> None:
    budget = Budget(5)
    assert Budget.of(budget) is budget
    assert Budget.of(7).tokens == 7


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError(LACK), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_errors(error: Exception, lacks: bool) -> None:
    assert lacks_memory(error) is lacks

    def fail() -> None:
        raise error

    if lacks:
        assert tried(fail) is None
    else:
        with pytest.raises(type(error), match=str(error)):
            tried(fail)


def test_the_allocator_s_own_error_is_known() -> None:
    assert tried(torch.empty, 2**58) is None
    assert tried(sum, (1, 2)) == (3,)
    assert tried(lambda: None) == (None,)


def test_what_a_failed_pass_held_is_free_when_the_next_begins() -> None:
    """The error holds the frames, these the tensors, and half a model's activations may lie in a reference cycle."""
    gc.disable()
    try:
        held: list[weakref.ref[torch.Tensor]] = []

        def fail() -> None:
            tensor = torch.zeros(10)
            cycle = [tensor]
            cycle.append(cycle)  # type: ignore[arg-type]
            held.append(weakref.ref(tensor))
            raise RuntimeError(LACK)

        assert tried(fail) is None
        assert held[0]() is None
    finally:
        gc.enable()


SHORT = textwrap.dedent(
    """
    import resource, torch
    from zhiyin.weights.budget import Budget, Part, in_parts

    torch.set_num_threads(1)
    torch.zeros(8, 8) @ torch.zeros(8, 8)
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (96 << 20),) * 2)

    def cut(items, tokens):
        parts = [list(items[at : at + tokens]) for at in range(0, len(items), tokens)]
        return [Part(part, len(part)) for part in parts]

    def compute(part):
        rows = torch.ones(len(part.items), 4 << 20)  # 16 MiB an item
        return float(rows.sum())

    budget = Budget(64)
    found = list(in_parts(range(20), cut, compute, budget, "a test"))
    assert sum(value for _, value in found) == 20 * (4 << 20), found
    assert sorted(item for part, _ in found for item in part.items) == list(range(20))
    print(budget.tokens)
    """
)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its own address space, as Linux counts it")
def test_a_process_that_really_runs_short_of_memory_gets_through(child_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT], env=child_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5"]
    assert done.stderr.count("micro_batch_tokens goes from") == 2
