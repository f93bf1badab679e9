"""The before/after table and the paired findings as plain rows, for the terminal and the page alike."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.records.score import SHARES, Comparison, Ruling, Score
from zhiyin.report.history import ALONE, Runs, answerer, parent
from zhiyin.report.naming import column_names, labels


@dataclass(frozen=True)
class Line:
    """One score of one model on one benchmark: a cell of the before/after table."""

    benchmark: str
    """Label of the prompt set."""
    protocol: str
    """The benchmark plug-in and the settings that say how it asks."""
    model: str
    """Label of the model; more is added only where one model answered the same prompts twice."""
    score: Score
    chance: float | None
    """The accuracy of guessing; None where that has no meaning for the measure."""
    warnings: tuple[str, ...]
    """What the reader must know before trusting the number, such as `at chance`."""
    folder: str
    """The score set's folder."""
    prompts: str
    """The prompt set's folder."""


@dataclass(frozen=True)
class Row:
    """One measure of one benchmark (or of one of its groups), for every model in the table's order."""

    benchmark: str
    protocol: str
    measure: str
    group: str
    chance: float | None
    cells: tuple[Line | None, ...]
    """None for a model that was not asked."""


@dataclass(frozen=True)
class Table:
    """Scores side by side: a column for each model, least derived first."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Finding:
    """One paired comparison, with the names of what was compared."""

    verdict: str
    """Label of the verdict."""
    benchmark: str
    before: str
    """Label of the model before."""
    after: str
    """Label of the model after."""
    comparison: Comparison
    expectation: str
    """What the recipe expected: `rise`, `fall`, `not fall`, `within budget`; empty when it expected nothing."""
    margin: float
    """The fall that `not fall` lets pass, in the measure's unit."""
    met: bool | None
    """Whether that came true; None when nothing was expected."""
    folder: str
    """The verdict's folder."""
    prompts: str
    """The prompt set's folder; empty where the two sides were asked two sets, of which the common items count."""
    sides: tuple[str, str]
    """Folders of the score sets before and after."""
    group: str
    """The group compared; empty for the whole benchmark."""
    budget: float = 0.0
    """The change that `within budget` allows, in the measure's unit."""
    groups: tuple[Comparison, ...] = ()
    """The same comparison of each category and group, the largest fall first."""


@dataclass(frozen=True)
class Remark:
    """What to know about a comparison, such as items that stand on one side only."""

    benchmark: str
    before: str
    after: str
    text: str
    """One sentence."""
    folder: str
    """The verdict's folder."""


@dataclass(frozen=True)
class _Pair:
    """A verdict with the names of what it compares."""

    verdict: Verdict
    ruling: Ruling
    sides: tuple[ScoreSet, ScoreSet]
    models: tuple[str, str]
    benchmark: str
    prompts: str


def lines(scores: Iterable[ScoreSet], runs: Runs = ALONE) -> list[Line]:
    """Return every score with its names, in the order of the score sets, the whole benchmark before its groups."""
    sets = list({one.path.name: one for one in scores}.values())
    columns, benchmarks = column_names(sets, runs), _benchmarks(sets, runs)
    found: list[Line] = []
    for one in sets:
        prompts = parent(one, "prompts")
        benchmark = prompts.manifest.config.get("benchmark", {})
        names = benchmarks[prompts.path.name], protocol(benchmark), columns[one.path.name]
        warnings = one.overview.warnings
        for score in one.scores:
            chance = benchmark.get("chance") if score.measure.endswith("accuracy") else None
            found.append(Line(*names, score, chance, warnings, one.path.name, prompts.path.name))
    return found


def before_after(scores: Iterable[ScoreSet], runs: Runs = ALONE) -> Table:
    """Lay the scores side by side: a row for each benchmark, measure and group, a column for each model.

    A model stands after what it was made from, beside the model of the same label in other runs.
    """
    sets = list({one.path.name: one for one in scores}.values())
    columns = column_names(sets, runs)
    order = {columns[one.path.name]: (*_descent(_model(one)), runs.place(one.path.name)) for one in sets}
    models = tuple(sorted(order, key=lambda model: (*order[model], model)))
    cells: dict[tuple[str, str, str], dict[str, Line]] = {}
    for line in lines(sets, runs):
        cells.setdefault((line.benchmark, line.score.measure, line.score.group), {})[line.model] = line
    rows = []
    for (benchmark, measure, group), by_model in cells.items():
        first = next(iter(by_model.values()))
        aligned = tuple(by_model.get(model) for model in models)
        rows.append(Row(benchmark, first.protocol, measure, group, first.chance, aligned))
    return Table(models, tuple(rows))


def findings(verdicts: Iterable[Verdict], runs: Runs = ALONE) -> list[Finding]:
    """Return every comparison of the verdicts, with the models and the benchmark it is about."""
    found: list[Finding] = []
    for pair in _pairs(verdicts, runs):
        ruling, (before, after) = pair.ruling, pair.sides
        benchmark = f"{pair.benchmark} ({ruling.group})" if ruling.group else pair.benchmark
        expectation = "" if ruling.expect == "any" else ruling.expect.replace("_", " ")
        groups = sorted(pair.verdict.groups, key=lambda one: one.difference)
        for comparison in pair.verdict.comparisons:
            finding = Finding(
                verdict=pair.verdict.manifest.label,
                benchmark=benchmark,
                before=pair.models[0],
                after=pair.models[1],
                comparison=comparison,
                expectation=expectation,
                margin=ruling.margin,
                met=ruling.met.get(comparison.measure),
                folder=pair.verdict.path.name,
                prompts=pair.prompts,
                sides=(before.path.name, after.path.name),
                group=ruling.group,
                budget=ruling.budget,
                groups=tuple(one for one in groups if one.measure == comparison.measure),
            )
            found.append(finding)
    return found


def remarks(verdicts: Iterable[Verdict], runs: Runs = ALONE) -> list[Remark]:
    """Return what to know about the comparisons before trusting them."""
    return [
        Remark(pair.benchmark, *pair.models, text, pair.verdict.path.name)
        for pair in _pairs(verdicts, runs)
        for text in pair.ruling.warnings
    ]


def _pairs(verdicts: Iterable[Verdict], runs: Runs) -> list[_Pair]:
    given = list({one.path.name: one for one in verdicts}.values())
    sides = [(_side(verdict, "before"), _side(verdict, "after")) for verdict in given]
    models = column_names(list({one.path.name: one for pair in sides for one in pair}.values()), runs)
    benchmarks = _benchmarks([after for _, after in sides], runs)
    found: list[_Pair] = []
    for verdict, (before, after) in zip(given, sides, strict=True):
        names = models[before.path.name], models[after.path.name]
        if names[0] == names[1]:
            names = runs.named(before.path.name, names[0]), runs.named(after.path.name, names[1])
        asked = parent(after, "prompts")
        same = asked.path == parent(before, "prompts").path
        benchmark = benchmarks[asked.path.name] if same else asked.manifest.label
        prompts = asked.path.name if same else ""
        found.append(_Pair(verdict, verdict.ruling, (before, after), names, benchmark, prompts))
    return found


def _side(verdict: Verdict, name: str) -> ScoreSet:
    return ScoreSet(parent(verdict, name).path)


def is_share(measure: str) -> bool:
    """Tell whether a measure is a share from 0 to 1, shown in per cent and its differences in points."""
    return measure in SHARES


def written(measure: str, value: float) -> str:
    """Write a value in the measure's unit: `71.3 %`, or four significant digits."""
    return f"{100 * value:.1f} %" if is_share(measure) else f"{value:.4g}"


def difference(measure: str, value: float) -> str:
    """Write a difference with its sign: `+4.2` points of accuracy, or three significant digits."""
    return f"{100 * value:+.1f}" if is_share(measure) else f"{value:+.3g}"


def relative(share: float) -> str:
    """Write a difference as a share of the value before, `+87.4 %`."""
    return f"{100 * share:+.1f} %"


def p_value(p: float | None) -> str:
    """Write a p value; a dash where the measure has no such test."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def protocol(benchmark: Mapping[str, Any]) -> str:
    """Write a benchmark's plug-in name and its plain settings: `generated_exam, protocol letter`."""
    settings = [
        f"{name} {value}"
        for name, value in benchmark.items()
        if name not in ("name", "code_version", "chance")
        and isinstance(value, str | int | float)
        and not isinstance(value, bool)
    ]
    return ", ".join([str(benchmark.get("name", "")), *settings])


def _model(scores: Artifact) -> Artifact:
    return answerer(parent(scores, "completions"))


def _benchmarks(sets: Sequence[ScoreSet], runs: Runs) -> dict[str, str]:
    """Label each prompt set by folder; sets of one label that ask and mark the same are one benchmark."""
    alike: dict[str, list[Artifact]] = {}
    for one in sets:
        prompts = parent(one, "prompts")
        what = [prompts.manifest.label, one.overview.prompts_hash, prompts.manifest.config]
        alike.setdefault(json.dumps(what, sort_keys=True), []).append(prompts)
    for group in alike.values():
        runs = runs.joined([prompts.path.name for prompts in group])
    names = labels((group[0] for group in alike.values()), runs)
    return {prompts.path.name: names[group[0].path.name] for group in alike.values() for prompts in group}


def _descent(model: Artifact) -> tuple[int, str]:
    """Return how many ancestors the model has, for what is made from another model comes after it, and its label."""
    return sum(1 for _ in model.lineage), model.manifest.label
