"""Questions that stand in the training data are counted, named, and left out of a second score."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, given, question, subject_files

from zhiyin.artifacts import HITS, Contamination, PromptSet, ScoreSet
from zhiyin.evaluation import score
from zhiyin.evaluation.significance import wilson
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit
from zhiyin.records.score import CLEAN
from zhiyin.report.page import Config as PageConfig
from zhiyin.report.page import page
from zhiyin.report.summary import before_after

QUESTIONS = [question(number, kind) for kind in ("capital", "sum") for number in range(50)]
GENERATE = {"name": "generated_exam", "protocol": "generate"}


class Found(StepConfig):
    """What the stand-in for the data room's scan says it found."""

    hits: tuple[tuple[str, str], ...]
    """The name of a prompt set, and the id of a prompt; named once for each record that quotes it."""


def contamination(config: Found, *, out: Path, runtime: Runtime, prompts: Mapping[str, PromptSet]) -> Contamination:
    found = [
        Hit(f"r{number}", name, prompt, "13 characters", "问", "记录", "问题")
        for number, (name, prompt) in enumerate(config.hits)
    ]
    jsonl.write(out / HITS, found)
    return Contamination(out)


def scanned(hits: list[tuple[str, str]], **prompts: Step[PromptSet]) -> Step[Contamination]:
    return step(contamination, Found(hits=tuple(hits)), {"prompts": prompts})


def scored(desk: Desk, prompts: Step[PromptSet], scan: Step[Contamination], rule: str = "skilled") -> Step[ScoreSet]:
    inputs: dict[str, Any] = {
        "prompts": prompts,
        "completions": desk.answered(prompts, rule, 0.6),
        "contamination": scan,
    }
    return step(score.score, score.Config(), inputs)


def test_the_score_without_the_flagged_questions_stands_beside_the_whole(desk: Desk) -> None:
    prompts = desk.prepared(GENERATE, given(QUESTIONS))
    other = desk.prepared(GENERATE, given(QUESTIONS[:9]))
    leaked = [record.id for record in QUESTIONS[:20]]
    hits = [*(("exam", name) for name in leaked), ("exam", leaked[0]), ("other", QUESTIONS[30].id)]
    found = desk.run(scored(desk, prompts, scanned(hits, exam=prompts, other=other)))
    plain = desk.run(desk.scored(prompts, "skilled", 0.6))
    seen = found.overview.contamination
    assert seen is not None
    assert (seen.flagged, seen.count) == (20, 100), "two records quote the first; the other set's hit is not ours"
    marks = [one for one in plain.marks if one.measure == "accuracy" and one.prompt_id not in leaked]
    right = int(sum(one.value for one in marks))
    accuracy = seen.clean["accuracy"]
    assert (accuracy.mean, accuracy.count, accuracy.group) == (right / 80, 80, CLEAN)
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(wilson(right, 80)))
    assert list(seen.clean) == list(found.overview.measures) == ["accuracy", "characters", "stopped"]
    assert found.overview.measures == plain.overview.measures, "the whole is what it was"
    assert [one for one in found.scores if one.group == CLEAN] == list(seen.clean.values())
    assert [one for one in found.scores if one.group != CLEAN] == list(plain.scores)
    assert found.overview.warnings == (
        *plain.overview.warnings,
        f"contamination: 20 of 100 questions stand in the training data; without them accuracy is {right / 80:.4g} "
        f"instead of {plain.overview.measures['accuracy'].mean:.4g}",
    )


def test_nobody_looked_and_nothing_was_found_are_two_things(desk: Desk) -> None:
    prompts = desk.prepared(GENERATE, given(QUESTIONS))
    clean = desk.run(scored(desk, prompts, scanned([], exam=prompts))).overview
    assert clean.contamination is not None
    assert (clean.contamination.flagged, clean.contamination.clean) == (0, {})
    unknown = desk.run(desk.scored(prompts, "skilled", 0.6)).overview
    assert unknown.contamination is None
    assert clean.warnings == unknown.warnings


def test_where_every_question_leaked_there_is_no_clean_score(desk: Desk) -> None:
    prompts = desk.prepared(GENERATE, given(QUESTIONS[:4]))
    found = desk.run(scored(desk, prompts, scanned([("exam", one.id) for one in QUESTIONS[:4]], exam=prompts)))
    assert found.overview.contamination is not None
    assert found.overview.contamination.clean == {}
    assert found.overview.warnings[-1] == (
        "contamination: 4 of 4 questions stand in the training data, so there is no clean score"
    )


def test_a_scan_for_other_prompts_is_refused(desk: Desk) -> None:
    prompts = desk.prepared(GENERATE, given(QUESTIONS))
    other = desk.prepared(GENERATE, given(QUESTIONS[:9]))
    with pytest.raises(ValueError, match=r"contamination: .* looked for cmmlu, not for the prompts of .*prepare-"):
        desk.run(scored(desk, prompts, scanned([], cmmlu=other)))


def test_a_macro_average_stays_one_without_the_flagged(desk: Desk) -> None:
    rows = [f"问题{n},甲,乙,丙,丁,{'ABCD'[n % 4]}" for n in range(8)]
    folder = subject_files(desk.store.parent / "cmmlu", {"agronomy": rows, "arts": rows[:2]})
    prompts = desk.prepared({"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"]})
    leaked = [("x", f"agronomy/test/{n}") for n in range(2)]
    found = desk.run(scored(desk, prompts, scanned(leaked, x=prompts), rule="constant"))
    assert found.overview.average == "macro"
    by_group: dict[str, list[float]] = {}
    for one in found.marks:
        if ("x", one.prompt_id) not in leaked:
            by_group.setdefault(one.group, []).append(one.value)
    means = [sum(values) / len(values) for values in by_group.values()]
    assert found.overview.contamination is not None
    assert found.overview.contamination.clean["accuracy"].mean == pytest.approx(sum(means) / 2)


def test_the_page_shows_both_rows_and_the_warning(desk: Desk) -> None:
    prompts = desk.prepared(GENERATE, given(QUESTIONS))
    hits = [("exam", record.id) for record in QUESTIONS[:20]]
    inputs = {"scores": {"one": scored(desk, prompts, scanned(hits, exam=prompts))}}
    made = desk.run(step(page, PageConfig(title="T"), inputs))
    html = (made.path / "page.html").read_text(encoding="utf-8")
    assert html.count('<tr class="clean">') == 3
    assert html.count("without the questions that stand in the training data") == 3
    assert '<span class="warning">contamination</span>' in html
    assert "20 of 100 questions stand in the training data; without them" in html
    assert '<th scope="row">subset/clean</th>' not in html, "it stands beside the whole, not among the groups"
    assert "group=subset" not in html, "no prompt carries it, so it is no filter of items"
    table = before_after([ScoreSet(desk.store / made.manifest.inputs["scores.one"])])
    assert [row.group for row in table.rows if row.measure == "accuracy"] == ["", "capital", "sum", CLEAN]
