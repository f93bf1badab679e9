"""Fill the template: escaping, numbers with their units, and the page's words in the chosen language."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from zhiyin.locale.words import Language, Words, words
from zhiyin.records.score import CLEAN, SHARES
from zhiyin.report import strips, summary
from zhiyin.report.evidence import address
from zhiyin.report.formats import clipped, duration, memory, moment, significant, size, typeset
from zhiyin.report.history import Node
from zhiyin.report.items import Packed
from zhiyin.report.names import measure_names, plain_names
from zhiyin.report.ranks import rank_map
from zhiyin.report.summary import Finding, Row, Table
from zhiyin.report.tables import as_yaml

HEADLINE = 4
"""Comparisons in the summary, at most; all of them stand in their own section."""
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
"""Control characters, which no page may hold, and the visible picture of each."""


def render(language: Language, *, nodes: Sequence[Node], table: Table, findings: list[Finding], **parts: Any) -> str:
    """Return the page. `parts` are handed to the template as they are."""
    t = words(language).say
    environment = _environment(language)
    environment.globals.update(
        difference_scale=lambda measure: strips.scale_of_differences(findings, measure),
        label_of={node.folder: node.label for node in nodes},
    )
    return environment.get_template("page.html.j2").render(
        css=Markup(_file("page.css")),
        nodes=nodes,
        table=table,
        findings=findings,
        headline=HEADLINE,
        began=moment(min(node.manifest.provenance["began"] for node in nodes)),
        rooms=list(dict.fromkeys(node.room for node in nodes)),
        whole=_whole(table.rows),
        groups=_groups(table.rows),
        measures={row.measure for row in table.rows},
        warnings=_warnings(table.rows),
        questions=sum(max(line.score.count for line in row.cells if line) for row in _asked(table.rows)),
        sections=_sections(t, table, findings, parts),
        **parts,
    )


def render_items(language: Language, title: str, exams: Sequence[Packed]) -> str:
    """Return the page on which the items are browsed."""
    environment = _environment(language)
    return environment.get_template("items.html.j2").render(
        css=Markup(_file("page.css") + _file("items.css")),
        title=title,
        exams=exams,
        index=[msgspec.to_builtins(one.exam) for one in exams],
        shares=SHARES,
    )


def named(language: Language) -> Callable[[str], str]:
    """Return what says a word of the code, such as `held_out`, in the reader's language; an unknown one as it is."""
    t = words(language).say
    known = plain_names(t)

    def spoken(name: str) -> str:
        kind, slash, system = name.partition("/")
        if name not in known and slash and kind in ("score", "win"):
            return t("score of {system}", system=system) if kind == "score" else t("wins of {system}", system=system)
        return known.get(name, name.replace("_", " "))

    return spoken


def _environment(language: Language) -> Environment:
    told = words(language)
    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
    )
    environment.globals.update(
        language=language,
        t=told.say,
        measure_names=measure_names(told.say),
        shows=_shows(told.say),
        address=address,
        script=_script,
        policy=_policy,
        strip=lambda *values: Markup(strips.strip(*values)),
        row_scale=strips.scale_of_row,
        rank_map=rank_map,
        written=lambda measure, value: typeset(summary.written(measure, value)),
        difference=lambda measure, value: typeset(summary.difference(measure, value)),
        p_text=summary.p_value,
        signed=lambda value: typeset(f"{value:+.2f}"),
        rated=lambda value: typeset(f"{value:.2f}".rstrip("0").rstrip(".")),
        relative=lambda share: typeset(summary.relative(share)),
        scale_around=strips.scale_around,
    )
    environment.filters.update(
        clipped=clipped,
        duration=duration,
        memory=memory,
        moment=moment,
        significant=significant,
        typeset=typeset,
        yaml=as_yaml,
        markup=Markup,
        retold=lambda sentence: _retold(told, sentence),
        spoken=named(language),
        grouped=lambda count: f"{count:,}".replace(",", "\u202f"),
        size=size,
    )
    return environment


def _file(name: str) -> str:
    return (files("zhiyin.report") / "templates" / name).read_text(encoding="utf-8")


def _script(name: str) -> Markup:
    return Markup(f"<script>{_code(name)}</script>")


def _code(name: str) -> str:
    """Return a script as it stands in a page that is HTML and XML alike."""
    return f"//<![CDATA[\n{_file(name)}//]]>\n"


def _policy(name: str) -> str:
    """Return a content security policy under which that script runs and nothing else does, nor loads anything."""
    known = base64.b64encode(hashlib.sha256(_code(name).encode()).digest()).decode("ascii")
    return f"default-src 'none'; base-uri 'none'; style-src 'unsafe-inline'; script-src 'sha256-{known}'"


def _visible(value: object) -> object:
    return value.translate(CONTROLS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shows(t: Callable[..., str]) -> dict[str, str]:
    """Return the name of each view of the items, in the order of the menu."""
    return {
        "all": t("all"),
        "right": t("right"),
        "wrong": t("wrong"),
        "rose": t("rose"),
        "fell": t("fell"),
        "unchanged": t("unchanged"),
        "unanswered": t("unanswered"),
        "cut": t("cut off"),
        "truncated": t("prompt cut"),
    }


def _retold(told: Words, sentence: str) -> str:
    """Return a sentence kept in English in the reader's language; a measure it begins with is called by its name."""
    place, colon, _ = sentence.partition(": ")
    name = measure_names(told.say).get(place, "") if colon else ""
    retold = told.retell(sentence)
    return name + retold.removeprefix(place) if name else retold


def _whole(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of whole benchmarks, each followed by the same score without the questions that leaked."""
    clean = {(row.benchmark, row.measure): row for row in rows if row.group == CLEAN}
    found: list[Row] = []
    for row in rows:
        if not row.group:
            found += [row, *filter(None, [clean.get((row.benchmark, row.measure))])]
    return found


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.group and row.group != CLEAN:
            found.setdefault((row.benchmark, row.measure), []).append(row)
    return found


def _warnings(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, str]]:
    """Return for each benchmark and sentence the models it is said of, and the folder of the score set that says it."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        for line in filter(None, row.cells):
            for warning in line.warnings:
                found.setdefault((row.benchmark, warning), {})[line.model] = line.folder
    return found


def _asked(rows: Sequence[Row]) -> list[Row]:
    """Return one row of each benchmark, for counting its questions once."""
    return list({row.benchmark: row for row in rows if not row.group}.values())


def _sections(
    t: Callable[..., str], table: Table, findings: list[Finding], parts: dict[str, Any]
) -> list[tuple[str, str, bool]]:
    """Return id, name and presence of each section."""
    return [
        ("results", t("Before and after"), bool(table.rows)),
        ("comparisons", t("Paired comparisons"), bool(findings or parts["remarks"])),
        ("reviews", t("What the judge said"), bool(parts["reviews"])),
        ("curves", t("Training curves"), bool(parts["trainings"])),
        ("answers", t("Answers side by side"), bool(parts["sheets"])),
        ("data", t("Data"), bool(parts["records"])),
        ("lineage", t("Lineage"), True),
        ("recipe", t("The recipe as it was run"), True),
        ("costs", t("Time and memory"), True),
        ("versions", t("Machine and versions"), True),
    ]
