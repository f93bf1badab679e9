"""What a score set and a verdict say first: the frozen types of their summaries."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from zhiyin.artifacts import ScoreSet
from zhiyin.evaluation.exam import LEAST_MASS, Diagnosis
from zhiyin.records.score import Comparison, Score


class Overview(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole benchmark in a few numbers, and what to know before trusting them."""

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
    """For choices ranked by probability: chance, letters, mass, ties."""
    warnings: tuple[str, ...]
    """One sentence each."""

    def plain(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def of(cls, scores: ScoreSet) -> "Overview":
        """Read the overview back from a finished score set."""
        return msgspec.convert(dict(scores.manifest.summary), cls)


class Ruling(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a paired comparison came out as expected."""

    expect: Literal["rise", "fall", "not_fall", "any"]
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

    def plain(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def warnings(measures: dict[str, Score], truncated: int, exam: Diagnosis | None) -> Iterator[str]:
    """Yield what a reader must know before trusting the numbers."""
    for measure, score in measures.items():
        if score.unanswered:
            yield f"{measure}: {score.unanswered} of {score.count} answers could not be read and count as wrong"
        if score.count == 1:
            yield f"{measure}: one item only, its interval means nothing"
    if truncated:
        yield f"{truncated} prompts were longer than the model takes and lost their head"
    if exam is None:
        return
    if exam.letters and exam.choice_mass < LEAST_MASS:
        yield (
            f"format mismatch: the score measures formatting (the letters A to D together have a mean probability of "
            f"{exam.choice_mass:.3f}, below {LEAST_MASS})"
        )
    accuracy = measures["accuracy"]
    if accuracy.low <= exam.chance <= accuracy.high:
        yield f"at chance: the interval of the accuracy holds {exam.chance:.2f}, the accuracy of guessing"
    if exam.ties:
        yield f"{exam.ties} exact ties between the best two choices, given to the earlier one"
