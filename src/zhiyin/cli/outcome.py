"""What a run came to: the before/after table, the paired findings, and where the report lies."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from zhiyin.artifacts import Page, ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.report import summary

if TYPE_CHECKING:
    from rich.console import Console


def show(console: "Console", artifacts: Sequence[Artifact]) -> None:
    """Print the scores and findings among the artifacts, if any, and the path of every page."""
    scores = [artifact for artifact in artifacts if isinstance(artifact, ScoreSet)]
    verdicts = [artifact for artifact in artifacts if isinstance(artifact, Verdict)]
    if scores:
        found = summary.before_after(scores)
        console.print(_scores(found), soft_wrap=False)
        for note in _notes(found):
            console.print(f"note: {note}", style="dim")
    for finding in summary.findings(verdicts):
        console.print(_finding(finding))
    for artifact in artifacts:
        if isinstance(artifact, Page):
            page = (artifact.path / "page.html").resolve()
            console.print(f"Report: {page}\n        {page.as_uri()}")


def _scores(found: summary.Table) -> Table:
    """Lay out the rows of whole benchmarks; the groups are in the report."""
    table = Table(box=box.SIMPLE, title="Scores, with 95 % intervals", title_justify="left", title_style="bold")
    table.add_column("benchmark")
    table.add_column("measure")
    table.add_column("n", justify="right")
    for model in found.models:
        table.add_column(model, justify="right")
    table.add_column("chance", justify="right")
    for row in _whole(found):
        counts = dict.fromkeys(str(cell.score.count) for cell in row.cells if cell)
        chance = "" if row.chance is None else summary.written(row.measure, row.chance)
        table.add_row(row.benchmark, row.measure, "/".join(counts), *(_cell(cell) for cell in row.cells), chance)
    return table


def _notes(found: summary.Table) -> Iterator[str]:
    """Yield each warning once, with the benchmark and the models it is about."""
    about: dict[tuple[str, str], dict[str, None]] = {}
    for row in _whole(found):
        for model, cell in zip(found.models, row.cells, strict=True):
            for warning in cell.warnings if cell else ():
                about.setdefault((row.benchmark, warning), {})[model] = None
    for (benchmark, warning), models in about.items():
        yield f"{benchmark}, {', '.join(models)}: {warning}"


def _whole(found: summary.Table) -> list[summary.Row]:
    return [row for row in found.rows if not row.group]


def _cell(line: summary.Line | None) -> str:
    """Write the mean, and under it the interval."""
    if line is None:
        return "–"
    score = line.score
    mean, low, high = (summary.written(score.measure, value) for value in (score.mean, score.low, score.high))
    return f"{mean}\n{low.removesuffix(' %')} to {high.removesuffix(' %')}"


def _finding(finding: summary.Finding) -> str:
    """Write `exam accuracy, base -> sft: +12.3 points (95 %: +8.1 to +16.4), p < 0.001, n=500; expected rise: yes`."""
    paired = finding.comparison
    change, low, high = (
        summary.difference(paired.measure, value) for value in (paired.difference, paired.low, paired.high)
    )
    points = " points" if summary.is_share(paired.measure) else ""
    p = "" if paired.p is None else f", p {summary.p_value(paired.p)}"
    allowed = summary.difference(paired.measure, finding.margin).lstrip("+")
    margin = f" by more than {allowed}{points}" if finding.expectation == "not fall" else ""
    met = "yes" if finding.met else "NO"
    expected = "" if finding.met is None else f"; expected {finding.expectation}{margin}: {met}"
    head = f"{finding.benchmark} {paired.measure}, {finding.before} -> {finding.after}"
    return f"{head}: {change}{points} (95 %: {low} to {high}){p}, n={paired.count}{expected}"
