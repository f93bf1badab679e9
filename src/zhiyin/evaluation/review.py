"""Sum up what a judge said, and ask whether the judge can be believed."""

import csv
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import ClassVar

from zhiyin.artifacts import CompletionSet, PromptSet, Review, write_json
from zhiyin.evaluation.agreement import agreement, by_answer, by_people, consistency, length_bias, position_bias
from zhiyin.evaluation.benchmarks import prepared_with
from zhiyin.evaluation.judgements import Judgement, Totals, judgements, markdown, rows, sums, totals
from zhiyin.evaluation.judging import Judging
from zhiyin.evaluation.rating_sheet import Rating, read_sheet, write_sheet
from zhiyin.execution.config import InputPath, StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.review import Findings, Judged, People


class Config(StepConfig):
    """Whose systems these are, and what people say."""

    code_version: ClassVar[int] = 2

    own: tuple[str, ...] = ()
    """Our own systems, whose best gets a `*` in the table; all of them when empty."""
    ratings: tuple[InputPath, ...] = ()
    """Sheets that people have filled: the `ratings.csv` of an earlier review, with scores."""


def review(config: Config, *, out: Path, runtime: Runtime, prompts: PromptSet, completions: CompletionSet) -> Review:
    """Write `totals.md` and `totals.csv`, the empty sheet `ratings.csv` for people, and `review.json`.

    `prompts` are the judge's, `completions` its replies. Raises `ValueError` for prompts of another benchmark, an
    unknown system in `own`, or a sheet that does not fit.
    """
    benchmark = prepared_with(prompts)
    if not isinstance(benchmark, Judging):
        raise ValueError(f"{prompts.path} asks no judge: {benchmark.name} has no systems to compare")
    asked = list(prompts)
    judged = list(judgements(benchmark, asked, completions.of(prompts)))
    table = totals(judged)
    if unknown := [name for name in config.own if name not in table.systems]:
        raise ValueError(f"own: no system is called {unknown[0]!r}; there are {', '.join(table.systems)}")
    sheets = [read_sheet(file, asked) for file in config.ratings]
    ratings = [rating for found, _ in sheets for rating in found]
    (out / "totals.md").write_text(markdown(table, config.own), encoding="utf-8")
    _write_totals(out / "totals.csv", table)
    write_sheet(out / "ratings.csv", asked)
    found = Findings(
        systems=table.systems,
        rows=rows(table, config.own),
        sums=sums(table, config.own),
        judged=_judged(judged, ratings),
        people=_people(judged, ratings, blank=sum(blank for _, blank in sheets)),
    )
    write_json(out / "review.json", found.plain())
    return Review(out, found.plain())


def _judged(judged: Sequence[Judgement], ratings: Sequence[Rating]) -> Judged:
    return Judged(
        judgements=len(judged),
        unread=sum(one.value is None for one in judged),
        places=position_bias(judged),
        lengths=length_bias(judged, by_people(ratings)),
        orders=consistency(judged),
    )


def _people(judged: Sequence[Judgement], ratings: Sequence[Rating], blank: int) -> People:
    people = by_people(ratings)
    raters = sorted({rating.rater for rating in ratings})
    alone = {rater: by_people(ratings, rater) for rater in raters}
    scores = by_answer(judged)
    scored = all(one.kind == "score" for one in judged)
    return People(
        ratings=len(ratings),
        blank=blank,
        judge=agreement(scores, people, one_scale=scored) if ratings else None,
        raters={rater: agreement(scores, found, one_scale=scored) for rater, found in alone.items()},
        among_themselves={
            f"{one} / {other}": agreement(alone[one], alone[other]) for one, other in combinations(raters, 2)
        },
    )


def _write_totals(file: Path, table: Totals) -> None:
    lines: list[Mapping[str, object]] = [
        {"task": task, "system": name, "points": f"{table.points[task, name]:.6g}", "unread": table.unread[task, name]}
        for task in table.tasks
        for name in table.systems
    ]
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ("task", "system", "points", "unread"))
        writer.writeheader()
        writer.writerows(lines)
