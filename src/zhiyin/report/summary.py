"""The before/after table and the paired findings as plain rows, for the terminal and the page alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zhiyin.artifacts import ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.records.score import SHARES, Comparison, Score
from zhiyin.report.history import distinct


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
    """What the recipe expected: `rise`, `fall` or `not fall`; empty when it expected nothing."""
    margin: float
    """The fall that `not fall` lets pass, in the measure's unit."""
    met: bool | None
    """Whether that came true; None when nothing was expected."""


def lines(scores: Iterable[ScoreSet]) -> list[Line]:
    """Return every score with its names, in the order of the score sets, the whole benchmark before its groups."""
    sets = list({one.path.name: one for one in scores}.values())
    columns, benchmarks = _columns(sets), _labels(parent(one, "prompts") for one in sets)
    found: list[Line] = []
    for one in sets:
        prompts = parent(one, "prompts")
        benchmark = prompts.manifest.config.get("benchmark", {})
        names = benchmarks[prompts.path.name], protocol(benchmark), columns[one.path.name]
        warnings = tuple(str(warning) for warning in one.manifest.summary.get("warnings", ()))
        for score in one.scores:
            chance = benchmark.get("chance") if score.measure.endswith("accuracy") else None
            found.append(Line(*names, score, chance, warnings))
    return found


def before_after(scores: Iterable[ScoreSet]) -> Table:
    """Lay the scores side by side: a row for each benchmark, measure and group, a column for each model."""
    sets = list({one.path.name: one for one in scores}.values())
    columns = _columns(sets)
    age = {columns[one.path.name]: _age(_model(one)) for one in sets}
    models = tuple(sorted(age, key=lambda model: (age[model], model)))
    cells: dict[tuple[str, str, str], dict[str, Line]] = {}
    for line in lines(sets):
        cells.setdefault((line.benchmark, line.score.measure, line.score.group), {})[line.model] = line
    rows = []
    for (benchmark, measure, group), by_model in cells.items():
        first = next(iter(by_model.values()))
        aligned = tuple(by_model.get(model) for model in models)
        rows.append(Row(benchmark, first.protocol, measure, group, first.chance, aligned))
    return Table(models, tuple(rows))


def findings(verdicts: Iterable[Verdict]) -> list[Finding]:
    """Return every comparison of the verdicts, with the models and the benchmark it is about."""
    given = list(verdicts)
    sides = [(parent(verdict, "before"), parent(verdict, "after")) for verdict in given]
    benchmarks = _labels(parent(after, "prompts") for _, after in sides)
    models = _labels(_model(side) for pair in sides for side in pair)
    found: list[Finding] = []
    for verdict, (before, after) in zip(given, sides, strict=True):
        ruling = verdict.manifest.summary
        group = f" ({ruling['group']})" if ruling["group"] else ""
        benchmark = benchmarks[parent(after, "prompts").path.name] + group
        compared = models[_model(before).path.name], models[_model(after).path.name]
        expectation = "" if ruling["expect"] == "any" else ruling["expect"].replace("_", " ")
        for comparison in verdict.comparisons:
            met = ruling["met"].get(comparison.measure)
            names = verdict.manifest.label, benchmark, *compared
            found.append(Finding(*names, comparison, expectation, ruling["margin"], met))
    return found


def is_share(measure: str) -> bool:
    """Tell whether a measure is a share from 0 to 1, shown in per cent and its differences in points."""
    return measure in SHARES


def written(measure: str, value: float) -> str:
    """Write a value in the measure's unit: `71.3 %`, or four significant digits."""
    return f"{100 * value:.1f} %" if is_share(measure) else f"{value:.4g}"


def difference(measure: str, value: float) -> str:
    """Write a difference with its sign: `+4.2` points of accuracy, or three significant digits."""
    return f"{100 * value:+.1f}" if is_share(measure) else f"{value:+.3g}"


def p_value(p: float | None) -> str:
    """Write a p value; a dash where the measure has no such test."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def parent(artifact: Artifact, name: str) -> Artifact:
    """Return the artifact that was read under that input name; raises `ValueError` if there was none."""
    inputs = artifact.manifest.inputs
    if name not in inputs:
        raise ValueError(f"{artifact.path} has no input {name!r}; it has {', '.join(inputs) or 'none'}")
    return Artifact(artifact.path.parent / inputs[name])


def answerer(completions: Artifact) -> Artifact:
    """Return the model that gave the answers; the answers themselves when no model in the store did."""
    folder = completions.manifest.inputs.get("model")
    return Artifact(completions.path.parent / folder) if folder else completions


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


def _labels(artifacts: Iterable[Artifact]) -> dict[str, str]:
    return distinct({artifact.path.name: artifact.manifest for artifact in artifacts})


def _columns(sets: Sequence[ScoreSet]) -> dict[str, str]:
    """Name each score set's column by its model, adding labels only until no two fall into one cell."""
    completions = {one.path.name: parent(one, "completions") for one in sets}
    models = _labels(answerer(one) for one in completions.values())
    answers, own = _labels(completions.values()), _labels(sets)
    names = {
        one.path.name: (models[answerer(asked).path.name], answers[asked.path.name], own[one.path.name])
        for one, asked in zip(sets, completions.values(), strict=True)
    }
    prompts = {one.path.name: one.manifest.inputs["prompts"] for one in sets}
    columns: dict[str, str] = {}
    for parts in (1, 2, 3):
        columns = {folder: " · ".join(labels[:parts]) for folder, labels in names.items()}
        if len({(columns[folder], prompts[folder]) for folder in columns}) == len(columns):
            break
    return columns


def _age(model: Artifact) -> int:
    """Count the ancestors of the model: what is made from another model comes after it."""
    return sum(1 for _ in model.lineage)
