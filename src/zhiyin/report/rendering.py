"""Fill the template: escaping, numbers with their units, and the page's words in the chosen language."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from zhiyin.locale.words import Language, words
from zhiyin.report import strips, summary
from zhiyin.report.history import Node
from zhiyin.report.summary import Finding, Row, Table
from zhiyin.report.tables import as_yaml

HEADLINE = 4
"""Comparisons in the summary, at most; all of them stand in their own section."""
CLIPPED = 1500
"""Characters shown of a text, at most."""
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
"""Control characters, which no page may hold, and the visible picture of each."""


def render(language: Language, *, nodes: Sequence[Node], table: Table, findings: list[Finding], **parts: Any) -> str:
    """Return the page. `parts` are handed to the template as they are."""
    t = words(language).say
    environment = _environment(t)
    environment.globals.update(
        difference_scale=lambda measure: strips.scale_of_differences(findings, measure),
        label_of={node.folder: node.label for node in nodes},
    )
    folder = files("zhiyin.report") / "templates"
    return environment.get_template("page.html.j2").render(
        language=language,
        css=Markup((folder / "page.css").read_text(encoding="utf-8")),
        nodes=nodes,
        table=table,
        findings=findings,
        headline=HEADLINE,
        began=moment(min(node.manifest.provenance["began"] for node in nodes)),
        rooms=list(dict.fromkeys(node.room for node in nodes)),
        groups=_groups(table.rows),
        measures={row.measure for row in table.rows},
        warnings=_warnings(table.rows),
        questions=sum(max(line.score.count for line in row.cells if line) for row in _asked(table.rows)),
        sections=_sections(t, table, findings, parts),
        **parts,
    )


def clipped(text: str, length: int = CLIPPED) -> str:
    """Cut a long text, and say how much was cut."""
    return text if len(text) <= length else f"{text[:length]} … (+{len(text) - length})"


def duration(seconds: float) -> str:
    """Write seconds as `0.42 s`, `41 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str) -> str:
    """Write a time in ISO 8601 as `2026-11-21 03:52 UTC`."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def memory(count: int) -> str:
    """Write bytes as MiB or GiB."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _environment(t: Callable[..., str]) -> Environment:
    folder = files("zhiyin.report") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
    )
    environment.globals.update(
        t=t,
        strip=lambda *values: Markup(strips.strip(*values)),
        row_scale=strips.scale_of_row,
        written=summary.written,
        difference=lambda measure, value: summary.difference(measure, value).replace("-", "−"),
        p_text=summary.p_value,
    )
    environment.filters.update(
        clipped=clipped,
        duration=duration,
        memory=memory,
        moment=moment,
        yaml=as_yaml,
        markup=Markup,
        grouped=lambda count: f"{count:,}".replace(",", "\u202f"),
        spaced=lambda name: name.replace("_", " "),
    )
    return environment


def _visible(value: object) -> object:
    return value.translate(CONTROLS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.group:
            found.setdefault((row.benchmark, row.measure), []).append(row)
    return found


def _warnings(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Return benchmark, model and sentence of each warning once, though every measure of a score set carries it."""
    found = {
        (row.benchmark, line.model, warning): None
        for row in rows
        for line in row.cells
        if line
        for warning in line.warnings
    }
    return list(found)


def _asked(rows: Sequence[Row]) -> list[Row]:
    """Return one row of each benchmark, for counting its questions once."""
    return list({row.benchmark: row for row in rows if not row.group}.values())


def _sections(
    t: Callable[..., str], table: Table, findings: list[Finding], parts: dict[str, Any]
) -> list[tuple[str, str, bool]]:
    """Return id, name and presence of each section."""
    return [
        ("results", t("Before and after"), bool(table.rows)),
        ("comparisons", t("Paired comparisons"), bool(findings)),
        ("curves", t("Training curves"), bool(parts["trainings"])),
        ("answers", t("Answers side by side"), bool(parts["sheets"])),
        ("data", t("Data"), bool(parts["records"])),
        ("lineage", t("Lineage"), True),
        ("recipe", t("The recipe as it was run"), True),
        ("costs", t("Time and memory"), True),
        ("versions", t("Machine and versions"), True),
    ]
