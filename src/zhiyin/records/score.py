"""What an answer is worth, item by item, and what a benchmark says, with its interval."""

from msgspec import Struct

SHARES = ("accuracy", "reward_accuracy", "chosen_preferred", "stopped")
"""Measures that ask whether something is so: 1 for yes, 0 for no, 0.5 for a tie. Their means are shares."""


class Mark(Struct, frozen=True, forbid_unknown_fields=True):
    """The value of one answer under one measure."""

    prompt_id: str
    measure: str
    """`accuracy`, `characters`, `nll`, `reward_accuracy`, ..."""
    value: float
    """In the measure's unit; accuracy is 0 or 1."""
    extracted: str | None
    """The answer that was read out of the completion; None when none could be."""
    group: str = ""
    weight: float = 1.0
    """Tokens for a per-token measure, otherwise 1."""


class Score(Struct, frozen=True, forbid_unknown_fields=True):
    """A mean with a 95 % interval. `count` and `unanswered` make a silent gap impossible."""

    benchmark: str
    measure: str
    group: str
    """Empty for the whole benchmark."""
    mean: float
    low: float
    high: float
    count: int
    unanswered: int


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """The paired difference of one measure between two answerers of the same prompts, with a 95 % interval."""

    benchmark: str
    measure: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    count: int
    gained: int
    """Items that rose (wrong before, right after, for accuracy)."""
    lost: int
    """Items that fell."""
    p: float | None
    """McNemar's exact two-sided p for 0/1 measures, otherwise None."""
