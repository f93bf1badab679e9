"""Compare two answerers of the same prompts pair by pair, and say whether the change is what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from zhiyin.artifacts import PromptSet, ScoreSet, Verdict
from zhiyin.evaluation.cautions import otherwise
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.score import Comparison, Overview, Ruling

if TYPE_CHECKING:
    from zhiyin.evaluation.tally import Tally


@dataclass(frozen=True)
class Pairing:
    """What of two sides can be compared, and what cannot."""

    pairs: tuple[tuple[Tally, Tally], ...]
    """A measure's marks before and after, item by item."""
    remarks: tuple[str, ...]
    """What is left out, one sentence each."""


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
    items: Literal["all", "common"] = "all"
    """`all`: both sides were asked the same prompts, or the step fails. `common`: pair the items whose prompts are
    equal in all but their id, and say how many stand on one side only."""
    seed: int = 0
    """Seed of the bootstrap."""
    required: bool = False
    """Fail the step, and so the run, when the expectation is not met."""


def gate(config: Config, *, out: Path, runtime: Runtime, before: ScoreSet, after: ScoreSet) -> Verdict:
    """Write `comparisons.jsonl`, and in `flipped.jsonl` every item that only one side got right.

    Items are paired by prompt id and resampled as pairs: over all items for a micro average, within each group for a
    macro average. The summary is a `Ruling`. Raises `ValueError` when the two sides cannot be paired as the config
    asks, and `RuntimeError` when the expectation is required and not met. Where nothing in particular is expected of
    common items, what cannot be compared is left out and named in the ruling's warnings.
    """
    from zhiyin.evaluation.paired import compare, flips
    from zhiyin.evaluation.significance import Resampling

    overview = _same_benchmark(config, before, after)
    average = "micro" if config.group else overview.average
    plan = Resampling(resamples=config.resamples, seed=config.seed, confidence=config.confidence)
    pairing = _paired(config, before, after)
    compared = [compare(overview.benchmark, first, second, average, plan) for first, second in pairing.pairs]
    jsonl.write(out / "comparisons.jsonl", compared)
    jsonl.write(out / "flipped.jsonl", (flip for first, second in pairing.pairs for flip in flips(first, second)))
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
        warnings=(*pairing.remarks, *otherwise(before, after)),
    )
    return Verdict(out, ruling.plain())


def _same_benchmark(config: Config, before: ScoreSet, after: ScoreSet) -> Overview:
    """Return what both sides share; raises unless they marked the same benchmark, and all the same prompts."""
    first, second = before.overview, after.overview
    if first.benchmark != second.benchmark or first.average != second.average:
        raise ValueError(
            f"{before.path} and {after.path} are scores of other benchmarks ({first.benchmark}, {first.average} "
            f"average; {second.benchmark}, {second.average} average); only answers to the same prompts can be paired"
        )
    if config.items == "all" and first.prompts_hash != second.prompts_hash:
        raise ValueError(
            f"{before.path} and {after.path} marked other prompts ({first.benchmark} {first.prompts_hash}, "
            f"{second.prompts_hash}); only answers to the same prompts can be paired: `items: common` pairs "
            "those that stand in both sets"
        )
    return first


def _paired(config: Config, before: ScoreSet, after: ScoreSet) -> Pairing:
    from zhiyin.evaluation.paired import Incomparable, align, shared

    ids = _twins(before, after) if config.items == "common" else None
    pairs: list[tuple[Tally, Tally]] = []
    remarks: dict[str, None] = {}
    for whole, other in zip(_read(config, before), _read(config, after), strict=True):
        first, second = (whole, other) if ids is None else shared(whole, other, ids)
        if remark := _left_out(whole, other, first):
            remarks[remark] = None
        try:
            if first.ids:
                pairs.append((first, align(first, second)))
        except Incomparable as error:
            if config.items == "all" or config.expect != "any":
                raise
            remarks[str(error)] = None
    if not pairs and config.expect != "any":
        raise ValueError(f"{before.path} and {after.path}: {', '.join(remarks)}; nothing can be compared")
    return Pairing(tuple(pairs), tuple(remarks))


def _twins(before: ScoreSet, after: ScoreSet) -> dict[str, str]:
    """Return the ids before and after of the prompts that both sides were asked."""
    from zhiyin.evaluation.twins import twins

    first, second = (PromptSet(side.path.parent / side.manifest.inputs["prompts"]) for side in (before, after))
    return twins(first, second)


def _left_out(before: Tally, after: Tally, first: Tally) -> str:
    """Say how many items stand on one side only."""
    matched = len(first.ids)
    alone = len(before.ids) - matched, len(after.ids) - matched
    if not any(alone):
        return ""
    if not matched:
        return f"no item has the same prompt on both sides ({alone[0]} before, {alone[1]} after)"
    return (
        f"{matched} of {matched + sum(alone)} items matched: {alone[0]} before and {alone[1]} after stand on one side "
        "only and are left out"
    )


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
