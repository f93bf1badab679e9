"""What an answer is worth, item by item, and what a benchmark says, with its interval."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

SHARES = (
    *("accuracy", "flexible_accuracy", "reward_accuracy", "chosen_preferred", "stopped", "refused", "ran_on"),
    *("other_language", "traditional", "repetition", "strict_compliance", "answered"),
    *("turned_accuracy", "follows_content", "follows_position"),
    *("win_rate", "length_controlled_win_rate", "style_controlled_win_rate", "orders_agree"),
)
"""Measures that ask whether something is so: 1 for yes, 0 for no, 0.5 for a tie; or how large a part of an answer is
so. Their means are shares."""


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
    counts: tuple[float, ...] | msgspec.UnsetType = msgspec.UNSET
    """Of a measure of all answers together (`bleu`, `chrf`): what this answer adds to the sums it is computed of."""


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
    group: str = ""
    """The part compared: a group (subject), or `category/STEM`. Empty for the whole."""
    p_holm: float | None = None
    """`p` of one of several groups, corrected for looking at all of them (Holm 1979)."""

    @property
    def relative(self) -> float | None:
        """The difference as a share of `before` (+87 % is 0.87); None where `before` is 0."""
        return self.difference / self.before if self.before else None


class Flip(Struct, frozen=True, forbid_unknown_fields=True):
    """An item that only one side got right; a line of `flipped.jsonl`."""

    prompt_id: str
    measure: str
    before: float
    after: float
    group: str = ""


class Diagnosis(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands behind an accuracy over choices, ranked by probability or written."""

    chance: float
    chance_corrected: float
    """(accuracy - chance) / (1 - chance): 0 is guessing, 1 is perfect."""
    chi_square: float
    """Of the right among the answers that could be read, in each category (or group), against guessing."""
    degrees: int
    """Degrees of freedom of `chi_square`."""
    p: float
    """Of `chi_square`: small when this is not guessing."""
    predicted: dict[str, int]
    """How often the choice at each position was picked."""
    right: dict[str, int]
    """How often the right choice stood at each position."""
    choice_mass: float | None
    """Mean over questions of the probability of all choices together; None where the model wrote its answers."""
    ties: int
    """Questions whose best two choices are exactly equal."""
    letters: bool
    """The choices are the letters alone."""
    unanswered: int = 0
    """Questions for which nothing was picked."""


CLEAN = "subset/clean"
"""The group of a score without the questions that stand in the training data."""


class Exposure(Struct, frozen=True, forbid_unknown_fields=True):
    """How many questions of a benchmark stand in the training data, and what the scores are without them."""

    flagged: int
    count: int
    """Questions asked."""
    clean: dict[str, Score]
    """Of the questions that are not flagged, by measure; empty where none or all are."""


class Overview(Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark's scores in a few numbers, and what to know before trusting them: the summary of a score set."""

    benchmark: str
    """Name of the plug-in."""
    protocol: str
    """Hash of the prompts and of how they were answered: scores compare directly only where it is equal."""
    prompts_hash: str
    """Hash of the prompts alone."""
    average: Literal["micro", "macro"]
    """Whether the measures are means over items, or over groups."""
    measures: dict[str, Score]
    """The score of the whole benchmark, by measure."""
    truncated: int
    """Answers to prompts that were longer than the model takes."""
    exam: Diagnosis | None
    """Of questions with choices: chance, letters, mass, ties."""
    warnings: tuple[str, ...]
    """One sentence each."""
    contamination: Exposure | None = None
    """None where nobody looked."""

    def plain(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class Ruling(Struct, frozen=True, forbid_unknown_fields=True):
    """What a paired comparison came to, and whether that was expected: the summary of a verdict."""

    expect: Literal["rise", "fall", "not_fall", "within_budget", "any"]
    passed: bool
    """The expectation is met for every measure."""
    met: dict[str, bool]
    """Whether it is met, by measure; empty when nothing in particular was expected."""
    comparisons: dict[str, Comparison]
    """The paired difference, by measure."""
    group: str
    """The group compared; empty for the whole benchmark."""
    confidence: float
    margin: float
    """The fall that `not_fall` lets pass, in each measure's unit."""
    warnings: tuple[str, ...] = ()
    """What stands on one side only, is not compared, or was asked in another way: one sentence each."""
    budget: float = 0.0
    """The change that `within_budget` allows, in each measure's unit."""
    required: bool = False
    """A run in which this did not pass ends with exit code 3."""
    failures: tuple[str, ...] = ()
    """What was expected and what came, one sentence for each measure that failed, with the groups that fell most."""

    def plain(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
