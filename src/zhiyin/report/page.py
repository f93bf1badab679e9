"""Write one HTML page that shows what was made, from what, how well, how sure that is, and at what cost."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field

from zhiyin.artifacts import (
    Adapter,
    Checkpoint,
    CompletionSet,
    ConversationSet,
    Page,
    PreferenceSet,
    ScoreSet,
    TextSet,
    Verdict,
)
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.locale.words import Language

NONE: Mapping[str, Any] = MappingProxyType({})
"""What an input holds that the recipe leaves out."""


class Config(StepConfig):
    """What the page is called, and how much of the data it shows."""

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
) -> Page:
    """Write `page.html`: self-contained, offline, at most a few hundred kB. Its facts come from manifests alone.

    The inputs and all they came from are the lineage on the page. Raises `ValueError` when there are none, and
    `FileNotFoundError` when an ancestor is no longer in the store.
    """
    from zhiyin.report.answers import sheets
    from zhiyin.report.history import history
    from zhiyin.report.lineage import draw
    from zhiyin.report.plots import trainings
    from zhiyin.report.rendering import render
    from zhiyin.report.summary import before_after, findings
    from zhiyin.report.tables import costs, record_sets, surroundings

    roots: Iterator[Artifact] = (one for given in (data, models, scores, verdicts, answers) for one in given.values())
    nodes = history(roots)
    if not nodes:
        raise ValueError("a page needs something to show: give it data, models, scores, verdicts or answers")
    html = render(
        config.language,
        title=config.title,
        nodes=nodes,
        lineage=draw(nodes),
        records=record_sets(nodes, config.rejected_examples),
        trainings=trainings(nodes),
        table=before_after(scores.values()),
        findings=findings(verdicts.values()),
        sheets=sheets(answers.values(), scores.values(), config.samples),
        costs=costs(nodes),
        surroundings=surroundings(nodes),
    )
    file = out / "page.html"
    file.write_text(html, encoding="utf-8")
    return Page(out, {"steps": len(nodes), "bytes": file.stat().st_size})
