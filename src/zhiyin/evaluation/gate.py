"""Compare two answerers of the same prompts pair by pair, and say whether the change is what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from zhiyin.artifacts import PromptSet, ScoreSet, Verdict
from zhiyin.evaluation.benchmarks import prepared_with
from zhiyin.evaluation.cautions import otherwise
from zhiyin.evaluation.exam import Category, Exam
from zhiyin.execution.catalog import nearest
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.score import Comparison, Overview, Ruling

if TYPE_CHECKING:
    from zhiyin.evaluation.tally import Tally


GROUP_RESAMPLES = 2000
"""Bootstrap resamples of a single group, at most: an exam has dozens."""
SHOWN_GROUPS = 3
"""Groups named in a failure."""


@dataclass(frozen=True)
class Pairing:
    """What of two sides can be compared, and what cannot."""

    pairs: tuple[tuple[Tally, Tally], ...]
    """A measure's marks before and after, item by item."""
    remarks: tuple[str, ...]
    """What is left out, one sentence each."""


class Config(StepConfig):
    """What is compared, and what must come out."""

    code_version: ClassVar[int] = 2

    measures: tuple[str, ...] = Field(min_length=1)
    """The measures compared, each with its own interval (no correction for looking at several)."""
    expect: Literal["rise", "fall", "not_fall", "within_budget", "any"]
    """`rise`: the whole interval of after minus before lies above 0. `fall`: below 0. `not_fall`: above -margin, so
    that too few items fail the test instead of passing it. `within_budget`: not all of it lies below `budget`, so
    that only a proven loss fails. `any`: whatever comes."""
    group: str = ""
    """Compare the prompts of this group only; all when empty."""
    margin: float = Field(default=0.03, ge=0)
    """For `not_fall`: the largest fall that is still called none, in the measure's unit (0.03 is 3 accuracy points)."""
    budget: float = 0.0
    """For `within_budget`: the change that is allowed, in the measure's unit; `-2pt` is -0.02, two accuracy points."""
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
    """When the expectation is not met, the run goes on to its end, says so and ends with exit code 3."""

    @field_validator("budget", mode="before")
    @classmethod
    def _in_points(cls, value: object) -> object:
        if isinstance(value, str) and value.strip().endswith("pt"):
            return float(value.strip().removesuffix("pt")) / 100
        return value


def gate(config: Config, *, out: Path, runtime: Runtime, before: ScoreSet, after: ScoreSet) -> Verdict:
    """Write `comparisons.jsonl`, of every group `groups.jsonl`, and in `flipped.jsonl` what only one side got right.

    Items are paired by prompt id and resampled as pairs: over all items for a micro average, within each group for a
    macro average. The summary is a `Ruling`. Raises `ValueError` when the two sides cannot be paired as the config
    asks. Where nothing in particular is expected of common items, what cannot be compared is left out and named in
    the ruling's warnings.
    """
    from zhiyin.evaluation.paired import by_group, compare, flips
    from zhiyin.evaluation.significance import Resampling

    overview = _same_benchmark(config, before, after)
    average = "micro" if config.group else overview.average
    plan = Resampling(resamples=config.resamples, seed=config.seed, confidence=config.confidence)
    pairing = _paired(config, before, after)
    compared = [compare(overview.benchmark, first, second, average, plan) for first, second in pairing.pairs]
    coarse = plan._replace(resamples=min(config.resamples, GROUP_RESAMPLES))
    categories = _categories(before)
    groups = [
        by_group(whole, pair, categories, average, coarse) for whole, pair in zip(compared, pairing.pairs, strict=True)
    ]
    jsonl.write(out / "comparisons.jsonl", compared)
    jsonl.write(out / "groups.jsonl", (one for each in groups for one in each))
    jsonl.write(out / "flipped.jsonl", (flip for first, second in pairing.pairs for flip in flips(first, second)))
    met = {} if config.expect == "any" else {one.measure: _meets(config, one) for one in compared}
    failed = [
        _failure(config, one, each)
        for one, each in zip(compared, groups, strict=True)
        if not met.get(one.measure, True)
    ]
    ruling = Ruling(
        expect=config.expect,
        passed=not failed,
        met=met,
        comparisons={one.measure: one for one in compared},
        group=config.group,
        confidence=config.confidence,
        margin=config.margin,
        budget=config.budget,
        required=config.required,
        failures=tuple(failed),
        warnings=(*pairing.remarks, *otherwise(before, after)),
    )
    return Verdict(out, ruling.plain())


def _categories(scores: ScoreSet) -> tuple[Category, ...]:
    """Return the categories of the benchmark, if it is an exam, and one that this version still knows."""
    try:
        benchmark = prepared_with(PromptSet(scores.path.parent / scores.manifest.inputs["prompts"]))
    except ValueError:
        return ()
    return benchmark.categories() if isinstance(benchmark, Exam) else ()


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
    if config.expect == "within_budget":
        return comparison.high >= config.budget
    return comparison.low > -config.margin


def _failure(config: Config, whole: Comparison, groups: Sequence[Comparison]) -> str:
    """Say what was expected and what came, and in which groups."""
    expected = {
        "not_fall": f"no fall of {config.margin} or more",
        "within_budget": f"a change of {config.budget:+} at worst",
    }.get(config.expect, f"a {config.expect}")
    said = (
        f"expected {expected}, but {whole.measure} went from {whole.before:.4g} to {whole.after:.4g}: "
        f"{whole.difference:+.4g}, interval {whole.low:+.4g} to {whole.high:+.4g}"
    )
    sign = -1 if config.expect == "fall" else 1
    worst = sorted((one for one in groups if sign * one.difference < 0), key=lambda one: sign * one.difference)
    if not worst:
        return said
    return f"{said}; most in " + ", ".join(f"{one.group} ({one.difference:+.4g})" for one in worst[:SHOWN_GROUPS])
