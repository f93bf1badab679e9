"""Attention of one packed row on a GPU, back-end by back-end: milliseconds forward, and forward with backward.

    .venv/bin/python bench/attention_gpu.py
    .venv/bin/python bench/attention_gpu.py --tokens 16384 --window 4096

The heads are Gemma-2-9B's (16, 8 for keys, of 256 numbers), bfloat16. The row holds pairs of answers to one prompt, as
long as the prompt each. With and without the soft-cap; a back-end that has none says so.
"""

import argparse
from collections.abc import Callable
from statistics import median

import torch

from zhiyin.training import attention
from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.segments import Segment

HEADS, KEY_HEADS, SIZE = 16, 8, 256
TURNS = 20


def row(tokens: int, length: int = 512) -> list[Segment]:
    """Return pairs of a prompt and two answers, each `length` tokens."""
    found = []
    for start in range(0, tokens - 3 * length + 1, 3 * length):
        prompt = (start, start + length)
        found += [Segment(*prompt), *(Segment(start + n * length, start + (n + 1) * length, (prompt,)) for n in (1, 2))]
    return found


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median time of a piece of work, after five turns that compile and warm up."""
    times: list[float] = []
    for turn in range(5 + TURNS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in "ab")
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        if turn >= 5:
            times.append(start.elapsed_time(end))
    return median(times)


def measure(backend: str, segments: list[Segment], scoring: Scoring) -> str:
    """Return one line of figures."""
    shapes = [(1, count, segments[-1].end, SIZE) for count in (HEADS, KEY_HEADS, KEY_HEADS)]
    query, key, value = (torch.randn(shape, device="cuda", dtype=torch.bfloat16).requires_grad_() for shape in shapes)
    attend = attention.compute(backend)

    def both() -> None:
        torch.autograd.grad(attend(query, key, value, segments, scoring).sum(), (query, key, value))

    torch.cuda.reset_peak_memory_stats()
    try:
        with torch.no_grad():
            forward = milliseconds(lambda: attend(query, key, value, segments, scoring))
        whole = milliseconds(both)
    except Unfit as reason:
        return str(reason)
    gibibytes = torch.cuda.max_memory_allocated() / 2**30
    return f"{forward:8.2f} ms forward {whole:8.2f} ms with backward {gibibytes:6.2f} GiB at most"


def main() -> None:
    """Print a line for each back-end, with the soft-cap and without."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8192, help="tokens of the row, at most")
    parser.add_argument("--quick", action="store_true", help="at most 2048 tokens")
    parser.add_argument("--window", type=int, help="positions a token sees; all when not said")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print("there is no GPU to measure on")
        return
    segments = row(min(asked.tokens, 2048) if asked.quick else asked.tokens)
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}, {segments[-1].end} tokens")
    for softcap in (None, 50.0):
        for backend in attention.BACKENDS:
            line = measure(backend, segments, Scoring(SIZE**-0.5, softcap, asked.window))
            print(f"{'soft-cap' if softcap else 'no cap':8} {backend:8} {line}")


if __name__ == "__main__":
    main()
