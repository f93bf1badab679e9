"""Several finished runs on one page: what is compared between them, as steps of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zhiyin.artifacts import Page, ScoreSet, Verdict
from zhiyin.evaluation import gate
from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.execution.step import Step, step
from zhiyin.locale.words import Language
from zhiyin.recipe.held import held
from zhiyin.records.score import Overview
from zhiyin.report import page
from zhiyin.report.history import answerer, parent
from zhiyin.report.shown import Shown

LABEL = "comparison"
"""What the page of several runs is called."""


@dataclass(frozen=True)
class _Scored:
    """A score set of one run, with what tells which score set of another run is its counterpart."""

    scores: ScoreSet

    @cached_property
    def overview(self) -> Overview:
        return self.scores.overview

    @cached_property
    def prompts(self) -> str:
        """Label of the prompt set."""
        return parent(self.scores, "prompts").manifest.label

    @cached_property
    def answers(self) -> Manifest:
        return parent(self.scores, "completions").manifest

    @cached_property
    def model(self) -> Artifact:
        return answerer(parent(self.scores, "completions"))

    @cached_property
    def name(self) -> str:
        """Label of the model."""
        return self.model.manifest.label

    @cached_property
    def age(self) -> int:
        """How many artifacts the model comes from."""
        return sum(1 for _ in self.model.lineage)

    def asks_as(self, other: "_Scored") -> bool:
        """Tell whether both are about the same benchmark: the same prompts, or sets of the same label."""
        mine, theirs = self.overview, other.overview
        alike = (mine.benchmark, mine.average) == (theirs.benchmark, theirs.average)
        if not alike or not _measures(mine, theirs):
            return False
        return mine.prompts_hash == theirs.prompts_hash or self.prompts == other.prompts

    def likeness(self, other: "_Scored") -> tuple[bool, ...]:
        """Say how much of what they have in common; greater is closer."""
        return (
            self.overview.prompts_hash == other.overview.prompts_hash,
            self.prompts == other.prompts,
            self.answers.label == other.answers.label,
            self.scores.manifest.label == other.scores.manifest.label,
        )


def comparison(runs: Mapping[str, Page], *, title: str, language: Language) -> Step[Page]:
    """Return the step that shows the runs on one page, each of them compared with the first, the last models first."""
    (first, baseline), *others = runs.items()
    verdicts: dict[str, Step[Verdict]] = {}
    for name, run in others:
        for before, after in _differing(baseline, run):
            what = _gate(before, after)
            verdicts[f"{what.label}: {first} -> {name}"] = what
    inputs: dict[str, Any] = {"runs": {name: held(run) for name, run in runs.items()}, "verdicts": verdicts}
    return step(page.page, _config(baseline, title, language), inputs, LABEL)


def _config(baseline: Page, title: str, language: Language) -> page.Config:
    """Show as much as the page of the first run does."""
    recorded = {name: value for name, value in baseline.manifest.config.items() if name in page.Config.model_fields}
    return page.Config.model_validate({**recorded, "title": title, "language": language})


def notes(runs: Mapping[str, Page]) -> Iterator[str]:
    """Say of each run that is not compared with the first why that is so."""
    (first, baseline), *others = runs.items()
    for name, run in others:
        if not _counterparts(baseline, run):
            yield f"{name} and {first} were asked nothing alike: no benchmark of theirs has the same prompts or label"
        elif not _differing(baseline, run):
            yield f"{name} and {first} share every score that could be compared: they are the same artifacts"


def _differing(baseline: Page, run: Page) -> list[tuple[_Scored, _Scored]]:
    """Return the counterparts that are not one and the same artifact, those of the most derived model first."""
    pairs = sorted(_counterparts(baseline, run), key=lambda pair: -pair[0].age)
    return [(one, two) for one, two in pairs if one.scores.path.name != two.scores.path.name]


def _counterparts(baseline: Page, run: Page) -> list[tuple[_Scored, _Scored]]:
    """Return the score sets that belong together: those of models of one label, and where a benchmark has no such
    models, those of the most derived model of each run.
    """
    here, there = ([_Scored(one) for one in Shown.by(each).scores] for each in (baseline, run))
    pairs = [(one, found) for one in here for found in _closest(one, [two for two in there if two.name == one.name])]
    for one in here:
        peers = [other for other in here if other.asks_as(one)]
        if one is max(peers, key=lambda peer: peer.age) and not any(known.asks_as(one) for known, _ in pairs):
            last = max((two.age for two in there if two.asks_as(one)), default=0)
            pairs += [(one, found) for found in _closest(one, [two for two in there if two.age == last])]
    return pairs


def _closest(one: _Scored, candidates: Sequence[_Scored]) -> list[_Scored]:
    """Return the counterpart, if there is one."""
    fitting = [other for other in candidates if other.asks_as(one)]
    return [max(fitting, key=one.likeness)] if fitting else []


def _gate(before: _Scored, after: _Scored) -> Step[Verdict]:
    """Compare whatever both have. The label names no run: under other names it is the same artifact."""
    labels = dict.fromkeys(one.scores.manifest.label for one in (before, after))
    config = gate.Config(measures=_measures(before.overview, after.overview), expect="any", items="common")
    inputs = {"before": held(before.scores), "after": held(after.scores)}
    return step(gate.gate, config, inputs, f"{' and '.join(labels)} compared")


def _measures(before: Overview, after: Overview) -> tuple[str, ...]:
    return tuple(measure for measure in before.measures if measure in after.measures)
