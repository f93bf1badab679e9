"""How many tokens a model runs at once, and what happens where memory does not suffice for them: it runs fewer.

Nothing here changes a result beyond rounding: a pass that failed leaves nothing behind and is made again in parts.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

ADVICE = "lower max_length or max_new_tokens, take a smaller model or another dtype, or a machine with more memory"
"""What to do about a single example that does not fit, where nobody knows better."""

# Texts of the allocators of torch on the CPU, of CUDA's libraries, and of Apple's GPUs; each is a plain RuntimeError.
_MESSAGES = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "out of memory")


@dataclass(frozen=True)
class Part(Generic[T]):
    """What is run together."""

    items: list[T]
    tokens: int
    """Padding included."""
    laid: Any = None
    """The items as tensors, where they are laid out already."""


@dataclass
class Budget:
    """The most tokens of one forward pass. Whoever runs the same model shares it, so what one learns, all know."""

    tokens: int
    advice: str = ADVICE
    lowered: Callable[[int], None] = field(default=lambda tokens: None)
    """Told of every new number."""

    @classmethod
    def of(cls, tokens: "int | Budget") -> "Budget":
        """Return a budget as it is, or a new one of so many tokens."""
        return tokens if isinstance(tokens, Budget) else cls(tokens)

    def lower(self, examples: int, tokens: int, work: str) -> None:
        """Allow half of what a failed pass had: `examples` of `tokens` together, padding included.

        Raises `RuntimeError` where a single example failed. `work` names what was done, for people.
        """
        if examples < 2:
            raise RuntimeError(
                f"memory does not suffice for a single example of {tokens} tokens in {work}, "
                f"at a micro-batch of {self.tokens} tokens; {self.advice}"
            )
        before, self.tokens = self.tokens, max(1, min(self.tokens, tokens) // 2)
        self.lowered(self.tokens)
        logging.getLogger(__name__).warning(
            f"Memory did not suffice for {examples} examples of {tokens} tokens in {work}: "
            f"micro_batch_tokens goes from {before} to {self.tokens}, and the work is done again in parts."
        )


def tried(compute: Callable[..., R], *arguments: object) -> tuple[R] | None:
    """Return what `compute` returns, alone in a tuple; None where memory did not suffice: then all is given back."""
    try:
        return (compute(*arguments),)
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
    # Only now, outside the block: the error held the frames of the failed pass, and these its tensors.
    _give_back()
    return None


def lacks_memory(error: BaseException) -> bool:
    """Tell whether an error says that an allocation failed, on the CPU or on an accelerator."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in _MESSAGES)
    )


def in_parts(
    items: Sequence[T],
    cut: "Callable[[Sequence[T], int], list[Part[T]]]",
    compute: "Callable[[Part[T]], R]",
    budget: Budget,
    work: str,
) -> "Iterator[tuple[Part[T], R]]":
    """Yield parts of the items with what `compute` makes of each; every item comes once.

    `cut(items, tokens)` cuts them into parts of at most so many tokens. When memory does not suffice for a part, it and
    all that is left are cut anew under the lower budget.
    """
    waiting = cut(items, budget.tokens)
    while waiting:
        part = waiting.pop(0)
        if found := tried(compute, part):
            yield part, found[0]
        else:
            budget.lower(len(part.items), part.tokens, work)
            waiting = cut([item for each in (part, *waiting) for item in each.items], budget.tokens)


def _give_back() -> None:
    """Free what failed passes left, on whichever device."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
