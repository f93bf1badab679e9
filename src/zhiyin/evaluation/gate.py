"""Compare two answerers of the same prompts pair by pair, and say whether the change is what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.evaluation.overview import Overview, Ruling
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.score import Comparison

if TYPE_CHECKING:
    from zhiyin.evaluation.tally import Tally


class Config(StepConfig):
    """What is compared, and what must come out."""

    measures: tuple[str, ...] = Field(min_length=1)
    """The measures compared, each with its own interval (no correction for looking at several)."""
    expect: Literal["rise", "fall", "not_fall", "any"]
    """`rise`: the whole interval of after minus before lies above 0. `fall`: below 0. `not_fall`: above -margin, so
    that too few items fail the test instead of passing it. `any`: whatever comes."""
    group: str = ""
    """Compare the prompts of this group only; all when empty."""
    margin: float = Field(default=0.03, ge=0)
    """For `not_fall`: the largest fall that is still called none, in the measure's unit (0.03 is 3 accuracy points)."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the two-sided intervals."""
    resamples: int = Field(default=10_000, ge=100)
    """Bootstrap resamples."""
    seed: int = 0
    """Seed of the bootstrap."""
    required: bool = False
    """Fail the step, and so the run, when the expectation is not met."""


def gate(config: Config, *, out: Path, runtime: Runtime, before: ScoreSet, after: ScoreSet) -> Verdict:
    """Write `comparisons.jsonl`, and in `flipped.jsonl` every item that only one side got right.

    Items are paired by prompt id and resampled as pairs: over all items for a micro average, within each group for a
    macro average. The summary is a `Ruling`. Raises `ValueError` when the two sides were not asked the same prompts,
    and `RuntimeError` when the expectation is required and not met.
    """
    from zhiyin.evaluation.paired import align, compare, flips
    from zhiyin.evaluation.significance import Resampling

    overview = _same_prompts(before, after)
    average = "micro" if config.group else overview.average
    plan = Resampling(resamples=config.resamples, seed=config.seed, confidence=config.confidence)
    pairs = [
        (first, align(first, second)) for first, second in zip(_read(config, before), _read(config, after), strict=True)
    ]
    compared = [compare(overview.benchmark, first, second, average, plan) for first, second in pairs]
    jsonl.write(out / "comparisons.jsonl", compared)
    jsonl.write(out / "flipped.jsonl", (flip for first, second in pairs for flip in flips(first, second)))
    met = {} if config.expect == "any" else {one.measure: _meets(config, one) for one in compared}
    failed = [one for one in compared if not met.get(one.measure, True)]
    if failed and config.required:
        raise RuntimeError(f"expected {_expectation(config)}, but " + "; ".join(map(_said, failed)))
    ruling = Ruling(
        expect=config.expect,
        passed=not failed,
        met=met,
        comparisons={one.measure: one for one in compared},
        group=config.group,
        confidence=config.confidence,
        margin=config.margin,
    )
    return Verdict(out, ruling.plain())


def _same_prompts(before: ScoreSet, after: ScoreSet) -> Overview:
    """Return what both sides share; raises unless they marked the same prompts of the same benchmark."""
    first, second = Overview.of(before), Overview.of(after)
    if (first.benchmark, first.prompts_hash) != (second.benchmark, second.prompts_hash):
        raise ValueError(
            f"{before.path} and {after.path} marked other prompts ({first.benchmark} {first.prompts_hash}, "
            f"{second.benchmark} {second.prompts_hash}); only answers to the same prompts can be paired"
        )
    return first


def _read(config: Config, scores: ScoreSet) -> Iterator[Tally]:
    """Yield the marks of each measure asked for, of the chosen group or of all."""
    from zhiyin.evaluation.tally import tallies

    found = tallies(scores.marks)
    for measure in dict.fromkeys(config.measures):
        if measure not in found:
            hint = f"{nearest(measure, tuple(found))}; it has {', '.join(found)}"
            raise ValueError(f"{scores.path} has no measure {measure!r}{hint}")
        tally = found[measure].of([config.group]) if config.group else found[measure]
        if not tally.ids:
            raise ValueError(f"no prompt of {scores.path} is in the group {config.group!r}")
        yield tally


def _meets(config: Config, comparison: Comparison) -> bool:
    if config.expect == "rise":
        return comparison.low > 0
    if config.expect == "fall":
        return comparison.high < 0
    return comparison.low > -config.margin


def _expectation(config: Config) -> str:
    return f"no fall of {config.margin} or more" if config.expect == "not_fall" else f"a {config.expect}"


def _said(comparison: Comparison) -> str:
    return (
        f"{comparison.measure} went from {comparison.before:.4g} to {comparison.after:.4g}: "
        f"{comparison.difference:+.4g}, interval {comparison.low:+.4g} to {comparison.high:+.4g}"
    )
