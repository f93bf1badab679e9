"""Write one HTML page that shows what was made, from what, how well, how sure that is, and at what cost."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from zhiyin.artifacts import (
    Adapter,
    Checkpoint,
    CompletionSet,
    ConversationSet,
    Page,
    PreferenceSet,
    Review,
    ScoreSet,
    TextSet,
    Verdict,
)
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.locale.words import Language
from zhiyin.report.history import Runs, history
from zhiyin.report.shown import Shown

NONE: Mapping[str, Any] = MappingProxyType({})
"""What an input holds that the recipe leaves out."""


class Config(StepConfig):
    """What the page is called, and how much of the data it shows."""

    code_version: ClassVar[int] = 3
    title: str
    """The heading of the page."""
    language: Language = "en"
    """The language of the page's own words; labels, records and answers stay as they are."""
    samples: int = Field(default=8, ge=0)
    """Prompts of each benchmark whose answers are shown side by side."""
    rejected_examples: int = Field(default=3, ge=0)
    """Rejected rows shown for each reason."""


def page(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    data: Mapping[str, TextSet | ConversationSet | PreferenceSet] = NONE,
    models: Mapping[str, Checkpoint | Adapter] = NONE,
    scores: Mapping[str, ScoreSet] = NONE,
    verdicts: Mapping[str, Verdict] = NONE,
    answers: Mapping[str, CompletionSet] = NONE,
    reviews: Mapping[str, Review] = NONE,
    runs: Mapping[str, Page] = NONE,
) -> Page:
    """Write `page.html`, self-contained, offline, at most a few hundred kB, and `items.html` with every answer.

    The inputs and all they came from are the lineage on the page. Each of the `runs` adds what its own page shows, and
    its name stands at whatever is not the same in all of them. Raises `ValueError` when there are none, and
    `FileNotFoundError` when an ancestor is no longer in the store.
    """
    own = Shown(
        data=tuple(data.values()),
        models=tuple(models.values()),
        scores=tuple(scores.values()),
        verdicts=tuple(verdicts.values()),
        answers=tuple(answers.values()),
        reviews=tuple(reviews.values()),
    )
    return _write(config, out, own.beside([Shown.by(run) for run in runs.values()]), Runs.of(runs))


def _write(config: Config, out: Path, shown: Shown, known: Runs) -> Page:
    """Write the page and its items; what the runs do not share carries their names."""
    from zhiyin.report.answers import sheets
    from zhiyin.report.evidence import evidence
    from zhiyin.report.items import packed_exams
    from zhiyin.report.licences import licences
    from zhiyin.report.lineage import draw
    from zhiyin.report.plots import trainings
    from zhiyin.report.rendering import named, render, render_items
    from zhiyin.report.reviews import opinions
    from zhiyin.report.summary import before_after, findings, remarks
    from zhiyin.report.tables import costs, record_sets, surroundings

    nodes = history(shown.roots, known)
    if not nodes:
        raise ValueError(
            "a page needs something to show: give it data, models, scores, verdicts, answers, reviews or runs"
        )
    exams = packed_exams(shown.answers, shown.scores, shown.verdicts, known)
    html = render(
        config.language,
        title=config.title,
        nodes=nodes,
        evidence=evidence(nodes, [one.exam for one in exams]),
        lineage=draw(nodes),
        records=record_sets(nodes, config.rejected_examples),
        licences=licences(nodes),
        trainings=trainings(nodes, named(config.language), known),
        table=before_after(shown.scores, known),
        findings=findings(shown.verdicts, known),
        remarks=remarks(shown.verdicts, known),
        reviews=opinions(shown.reviews, known),
        sheets=sheets(shown.answers, shown.scores, config.samples, known),
        costs=costs(nodes),
        surroundings=surroundings(nodes),
    )
    file = out / "page.html"
    file.write_text(html, encoding="utf-8")
    (out / "items.html").write_text(render_items(config.language, config.title, exams), encoding="utf-8")
    return Page(out, {"steps": len(nodes), "bytes": file.stat().st_size})
