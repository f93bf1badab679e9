"""What a run came to: the before/after table, the paired findings, and where the report lies."""

from collections.abc import Sequence
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
        console.print(_scores(summary.before_after(scores)), soft_wrap=False)
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
    for model in found.models:
        table.add_column(model, justify="right")
    table.add_column("chance", justify="right")
    for row in found.rows:
        if row.group:
            continue
        chance = "" if row.chance is None else summary.written(row.measure, row.chance)
        table.add_row(row.benchmark, row.measure, *(_cell(cell) for cell in row.cells), chance)
        for warning in dict.fromkeys(warning for cell in row.cells if cell for warning in cell.warnings):
            table.add_row(f"  note: {warning}")
    return table


def _cell(line: summary.Line | None) -> str:
    if line is None:
        return "–"
    score = line.score
    mean, low, high = (summary.written(score.measure, value) for value in (score.mean, score.low, score.high))
    unanswered = f", {score.unanswered} unanswered" if score.unanswered else ""
    return f"{mean} ({low.removesuffix(' %')} to {high.removesuffix(' %')}; n={score.count}{unanswered})"


def _finding(finding: summary.Finding) -> str:
    """Write `exam accuracy, base -> sft: +12.3 points (95 %: +8.1 to +16.4), p < 0.001, n=500; expected rise: yes`."""
    paired = finding.comparison
    change, low, high = (
        summary.difference(paired.measure, value) for value in (paired.difference, paired.low, paired.high)
    )
    points = " points" if summary.is_share(paired.measure) else ""
    p = "" if paired.p is None else f", p {summary.p_value(paired.p)}"
    margin = f" of {summary.difference(paired.measure, finding.margin).lstrip('+')}{points}" if finding.margin else ""
    met = "yes" if finding.met else "NO"
    expected = "" if finding.met is None else f"; expected {finding.expectation}{margin}: {met}"
    head = f"{finding.benchmark} {paired.measure}, {finding.before} -> {finding.after}"
    return f"{head}: {change}{points} (95 %: {low} to {high}){p}, n={paired.count}{expected}"
