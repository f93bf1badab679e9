"""What a run came to: the before/after table, the paired findings, and where the report lies."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from zhiyin.artifacts import Page, ScoreSet, Verdict
from zhiyin.cli.exits import UNMET, leave
from zhiyin.execution.artifact import Artifact
from zhiyin.locale.words import retell, say
from zhiyin.report import summary
from zhiyin.report.history import ALONE, Runs

if TYPE_CHECKING:
    from rich.console import Console


UNBOUNDED = 100_000
"""More columns than any table has."""


def show(console: "Console", artifacts: Sequence[Artifact], runs: Runs = ALONE) -> None:
    """Print the scores and findings among the artifacts, if any, and the path of every page."""
    scores = [artifact for artifact in artifacts if isinstance(artifact, ScoreSet)]
    verdicts = [artifact for artifact in artifacts if isinstance(artifact, Verdict)]
    if scores:
        found = summary.before_after(scores, runs)
        beside = _scores(found)
        wanted = console.measure(beside, options=console.options.update(max_width=UNBOUNDED)).maximum
        console.print(beside if wanted <= console.width else _long(found), soft_wrap=False)
        for note in _notes(found):
            console.print(say("note: {note}", note=note), style="dim")
    findings = summary.findings(verdicts, runs)
    for finding in findings:
        console.print(_finding(finding))
    if len(findings) > 1:
        told = say(
            "Each interval and p value holds for its comparison alone: where nothing differs, about one in twenty "
            "still shows a difference."
        )
        console.print(say("note: {note}", note=told), style="dim")
    for note in _remarks(summary.remarks(verdicts, runs)):
        console.print(say("note: {note}", note=note), style="dim")
    for artifact in artifacts:
        if isinstance(artifact, Page):
            page = (artifact.path / "page.html").resolve()
            console.print(say("Report: {page}", page=page))
            console.print(f"        {page.as_uri()}")


def require(artifacts: Sequence[Artifact]) -> None:
    """End with exit code 3 when a comparison that is required did not come out as expected, saying which and where."""
    verdicts = [artifact for artifact in artifacts if isinstance(artifact, Verdict)]
    unmet = [verdict for verdict in verdicts if verdict.ruling.required and not verdict.ruling.passed]
    if unmet:
        told = [f"{one.manifest.label}: {retell(failure)}" for one in unmet for failure in one.ruling.failures]
        leave("\n".join(told), UNMET)


def _scores(found: summary.Table) -> Table:
    """Lay out the rows of whole benchmarks, a column for each model; the groups are in the report."""
    table = _headed(say("benchmark"), say("measure"))
    for name in ("n", *found.models, say("chance")):
        table.add_column(name, justify="right")
    for row in _whole(found):
        counts = dict.fromkeys(str(cell.score.count) for cell in row.cells if cell)
        cells = ("\n".join(_cell(cell)) if cell else "–" for cell in row.cells)
        table.add_row(row.benchmark, row.measure, "/".join(counts), *cells, _chance(row))
    return table


def _long(found: summary.Table) -> Table:
    """Lay out the same with a line for each model, where there are too many of them for columns."""
    table = _headed(say("benchmark"), say("measure"), say("model"))
    for name in ("n", say("mean"), "95 %", say("chance")):
        table.add_column(name, justify="right")
    for row in _whole(found):
        named = row.benchmark, row.measure
        for model, cell in zip(found.models, row.cells, strict=True):
            if cell:
                table.add_row(*named, model, str(cell.score.count), *_cell(cell), _chance(row))
                named = "", ""
    return table


def _headed(*names: str) -> Table:
    table = Table(box=box.SIMPLE, title=say("Scores, with 95 % intervals"), title_justify="left", title_style="bold")
    for name in names:
        table.add_column(name)
    return table


def _chance(row: summary.Row) -> str:
    return "" if row.chance is None else summary.written(row.measure, row.chance)


def _notes(found: summary.Table) -> Iterator[str]:
    """Yield each warning once, with the benchmark and the models it is about."""
    about: dict[tuple[str, str], dict[str, None]] = {}
    for row in _whole(found):
        for model, cell in zip(found.models, row.cells, strict=True):
            for warning in cell.warnings if cell else ():
                about.setdefault((row.benchmark, warning), {})[model] = None
    for (benchmark, warning), models in about.items():
        yield f"{benchmark}, {', '.join(models)}: {retell(warning)}"


def _remarks(remarks: Sequence[summary.Remark]) -> Iterator[str]:
    """Yield each sentence once, with the comparisons it is about."""
    about: dict[tuple[str, str], dict[str, None]] = {}
    for one in remarks:
        about.setdefault((one.benchmark, one.text), {})[f"{one.before} -> {one.after}"] = None
    for (benchmark, text), pairs in about.items():
        yield f"{benchmark}, {', '.join(pairs)}: {retell(text)}"


def _whole(found: summary.Table) -> list[summary.Row]:
    return [row for row in found.rows if not row.group]


def _cell(line: summary.Line) -> tuple[str, str]:
    """Write the mean, and the interval."""
    score = line.score
    mean, low, high = (summary.written(score.measure, value) for value in (score.mean, score.low, score.high))
    return mean, say("{low} to {high}", low=low.removesuffix(" %"), high=high.removesuffix(" %"))


def _finding(finding: summary.Finding) -> str:
    """Write `exam accuracy, base -> sft: +12.3 points (95 %: +8.1 to +16.4), p < 0.001, n=500; expected rise: yes`."""
    paired = finding.comparison
    change, low, high = (
        summary.difference(paired.measure, value) for value in (paired.difference, paired.low, paired.high)
    )
    facts = {
        "name": f"{finding.benchmark} {paired.measure}, {finding.before} -> {finding.after}",
        "change": _in_points(paired.measure, change),
        "low": low,
        "high": high,
        "count": paired.count,
    }
    if paired.p is None:
        told = say("{name}: {change} (95 %: {low} to {high}), n={count}", **facts)
    else:
        p = summary.p_value(paired.p)
        told = say("{name}: {change} (95 %: {low} to {high}), p {p}, n={count}", p=p, **facts)
    return told if finding.met is None else f"{told}{_expected(finding)}"


def _expected(finding: summary.Finding) -> str:
    """Write `; expected rise: yes`."""
    measure, expectation = finding.comparison.measure, retell(finding.expectation)
    if finding.expectation == "not fall":
        margin = _in_points(measure, summary.difference(measure, finding.margin).lstrip("+"))
        expectation = say("not fall by more than {margin}", margin=margin)
    if finding.expectation == "within budget":
        budget = _in_points(measure, summary.difference(measure, finding.budget))
        expectation = say("a change of {budget} at worst", budget=budget)
    if finding.met:
        return say("; expected {expectation}: yes", expectation=expectation)
    return say("; expected {expectation}: NO", expectation=expectation)


def _in_points(measure: str, difference: str) -> str:
    return say("{difference} points", difference=difference) if summary.is_share(measure) else difference
