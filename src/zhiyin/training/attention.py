"""Attention of a laid row behind one small interface: each back-end computes the same, one of them fastest on a device.

It enters a model through `transformers.AttentionInterface`, so no model code is changed. The segments travel with the
forward call as the keyword `segments`. `layout.choose` tries which back-end may be used.

Axes: H query heads, K key heads, T tokens, D head size.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from zhiyin.training.segments import Segment

BACKENDS = ("varlen", "flex", "segments")
"""Each is the function `attend` of the module `attention_<name>`; the fastest on a GPU comes first."""
ON_DEVICE = {"cuda": BACKENDS}
"""What is tried on a device; elsewhere `segments` alone."""
NAME = "zhiyin_segments"
"""What transformers calls the back-end `segments`, which any device can compute."""

_calls: ContextVar[list[int] | None] = ContextVar("_calls", default=None)


@dataclass(frozen=True)
class Scoring:
    """How scores are made from queries and keys, and which are left out."""

    scale: float
    softcap: float | None = None
    """Gemma-2's on the scores: `softcap * tanh(score / softcap)`."""
    window: int | None = None
    """Positions of its sequence that a token sees, itself included; None for all."""


class Unfit(ValueError):
    """A back-end has not got what is asked of it; the message says what."""


Compute = Callable[[Tensor, Tensor, Tensor, Sequence[Segment], Scoring], Tensor]
"""Takes a query [1, H, T, D], a key and a value [1, K, T, D] and returns [1, T, H, D]. Raises `Unfit`."""


def registered(backend: str) -> str:
    """Return the name under which transformers knows a back-end."""
    return f"zhiyin_{backend}"


def compute(backend: str) -> Compute:
    """Return the function of a back-end."""
    found: Compute = import_module(f"zhiyin.training.attention_{backend}").attend
    return found


def register() -> None:
    """Make the back-ends known to transformers; they need no mask."""
    for backend in BACKENDS:
        AttentionInterface.register(registered(backend), partial(attend, backend=backend))
        AttentionMaskInterface.register(registered(backend), lambda *args, **kwargs: None)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Collect the number of keys of every call of `attend`: a model that ignores the registered name calls it never."""
    calls: list[int] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **told: Any
) -> tuple[Tensor, None]:
    """Return the attention [1, T, H, D] of one laid row; `query` is [1, H, T, D], `key` and `value` [1, K, T, D].

    The keywords are those transformers calls an attention with, `segments`, and `backend` from `register`.
    """
    if told.get("dropout"):
        raise ValueError("segment attention has no dropout on the scores: set attention_dropout to 0")
    if (calls := _calls.get()) is not None:
        calls.append(key.shape[2])
    scale = told.get("scaling")
    scoring = Scoring(
        query.shape[-1] ** -0.5 if scale is None else scale, told.get("softcap"), told.get("sliding_window")
    )
    # Under autocast, rotary embeddings make queries and keys float32 while values stay bfloat16.
    query, key = query.to(value.dtype), key.to(value.dtype)
    return compute(told.get("backend", "segments"))(query, key, value, told["segments"], scoring), None
