"""Which score sets of several runs are compared, and what the page of the comparison holds."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.evaluation.desk import chance, question
from tests.recipe.runs import Knowledge, finished, run_of

from zhiyin.artifacts import Page, Verdict
from zhiyin.evaluation import prepare
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import in_order
from zhiyin.recipe.comparison import comparison, notes
from zhiyin.recipe.held import Held

BASE = {"base": 0.4, "expert": 0.7}


def labels(runs: Mapping[str, Page]) -> list[str]:
    """Return what the verdicts are called."""
    inputs = comparison(runs, title="T", language="en").flat_inputs
    return [name.removeprefix("verdicts.") for name, step in inputs.items() if step.kind == "gate"]


def made(runs: Mapping[str, Page]) -> tuple[Page, dict[str, Verdict]]:
    target = comparison(runs, title="T", language="en")
    store = next(iter(runs.values())).path.parent
    (*_, shown) = run([target], Runtime(store=store))
    assert isinstance(shown, Page)
    folders = {name: folder for name, folder in shown.manifest.inputs.items() if name.startswith("verdicts.")}
    return shown, {name.removeprefix("verdicts."): Verdict(store / folder) for name, folder in folders.items()}


def test_models_of_one_label_are_compared_and_what_is_shared_is_not(tmp_path: Path) -> None:
    runs = {"a": finished(run_of(BASE), tmp_path), "b": finished(run_of({**BASE, "expert": 0.8}), tmp_path)}
    assert labels(runs) == ["expert_exam compared: a -> b"]
    _, verdicts = made(runs)
    (one,) = verdicts["expert_exam compared: a -> b"].comparisons
    right = [sum(chance(question(n).id) < skill for n in range(60)) for skill in (0.7, 0.8)]
    assert (one.before, one.after, one.count) == (right[0] / 60, right[1] / 60, 60)
    assert (one.gained, one.lost) == (right[1] - right[0], 0)


def test_every_run_is_compared_with_the_first(tmp_path: Path) -> None:
    runs = {
        name: finished(run_of({"base": 0.4, "expert": skill}), tmp_path)
        for name, skill in (("a", 0.6), ("b", 0.7), ("c", 0.8))
    }
    assert labels(runs) == ["expert_exam compared: a -> b", "expert_exam compared: a -> c"]
    html = (made(runs)[0].path / "page.html").read_text(encoding="utf-8")
    for column in ("base", "a · expert", "b · expert", "c · expert"):
        assert f'<th scope="col" class="num">{column}</th>' in html


def test_runs_of_which_no_model_has_the_same_label_are_compared_by_their_last_models(tmp_path: Path) -> None:
    runs = {
        "a": finished(run_of({"base": 0.4, "sft": 0.5, "dpo": 0.6}), tmp_path),
        "b": finished(run_of({"start": 0.3, "final": 0.9}), tmp_path),
    }
    assert labels(runs) == ["dpo_exam and final_exam compared: a -> b"]
    _, verdicts = made(runs)
    (verdict,) = verdicts.values()
    sides = [Artifact(tmp_path / verdict.manifest.inputs[side]).manifest.label for side in ("before", "after")]
    assert sides == ["dpo_exam", "final_exam"]


def test_the_common_items_of_two_prompt_sets(tmp_path: Path) -> None:
    runs = {
        "all": finished(run_of(BASE), tmp_path),
        "half": finished(run_of({**BASE, "expert": 0.9}, asked=range(20, 50)), tmp_path),
    }
    page, verdicts = made(runs)
    assert list(verdicts) == ["expert_exam compared: all -> half", "base_exam compared: all -> half"]
    (one,) = verdicts["expert_exam compared: all -> half"].comparisons
    right = [sum(chance(question(n).id) < skill for n in range(20, 50)) for skill in (0.7, 0.9)]
    assert (one.count, one.before, one.after) == (30, right[0] / 30, right[1] / 30)
    sentence = "30 of 60 items matched: 30 before and 0 after stand on one side only and are left out"
    assert verdicts["expert_exam compared: all -> half"].ruling.warnings[0] == sentence
    assert sentence in (page.path / "page.html").read_text(encoding="utf-8")


def test_prompt_sets_without_a_common_item_do_not_stop_the_page(tmp_path: Path) -> None:
    runs = {
        "a": finished(run_of(BASE), tmp_path),
        "b": finished(run_of(BASE, asked=range(100, 130)), tmp_path),
    }
    page, verdicts = made(runs)
    assert [list(verdict.comparisons) for verdict in verdicts.values()] == [[], []]
    html = (page.path / "page.html").read_text(encoding="utf-8")
    assert "no item has the same prompt on both sides (60 before, 30 after)" in html


def test_each_benchmark_is_compared_with_itself(tmp_path: Path) -> None:
    exams = {"text": "answer_text", "letter": "letter"}
    runs = {
        "a": finished(run_of(BASE, exams=exams), tmp_path),
        "b": finished(run_of({**BASE, "expert": 0.8}, exams={"letter": "letter", "written": "generate"}), tmp_path),
    }
    assert labels(runs) == ["expert_letter compared: a -> b", "base_letter compared: a -> b"]


def test_the_same_prompts_count_for_more_than_the_same_label(tmp_path: Path) -> None:
    exams = {"other": "answer_text", "exam": "letter"}
    runs = {"a": finished(run_of({"base": 0.4}), tmp_path), "b": finished(run_of({"base": 0.4}, exams=exams), tmp_path)}
    assert labels(runs) == ["base_exam and base_other compared: a -> b"]


def test_prompt_sets_that_hold_the_same_are_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = finished(run_of(BASE), tmp_path)
    monkeypatch.setattr(prepare.Config, "code_version", 2)
    runs = {"old": old, "new": finished(run_of(BASE), tmp_path)}
    html = (made(runs)[0].path / "page.html").read_text(encoding="utf-8")
    results = html.partition('<section id="results">')[2].partition("</section>")[0]
    assert results.count('<b>exam</b> <span class="measure">') == 1
    assert "old · exam" not in results


def test_the_same_questions_asked_in_another_way_are_compared_and_it_is_said(tmp_path: Path) -> None:
    runs = {"a": finished(run_of(BASE), tmp_path), "b": finished(run_of(BASE, manner=40), tmp_path)}
    page, verdicts = made(runs)
    assert len(verdicts) == 2
    for verdict in verdicts.values():
        (warning,) = verdict.ruling.warnings
        assert warning.startswith("answered in another way (max_new_tokens 80 -> 40)")
        (one,) = verdict.comparisons
        assert one.difference == 0
    html = (page.path / "page.html").read_text(encoding="utf-8")
    assert "a · base → b · base" in html
    assert '<th scope="col" class="num">b · base</th>' in html


def test_a_model_that_two_of_three_runs_share_is_named_by_whose_answers_stand_there(tmp_path: Path) -> None:
    runs = {
        "a": finished(run_of({"base": 0.4}), tmp_path),
        "b": finished(run_of({"base": 0.6}), tmp_path),
        "c": finished(run_of({"base": 0.6}, manner=40), tmp_path),
    }
    html = (made(runs)[0].path / "page.html").read_text(encoding="utf-8")
    assert re.findall(r'<th scope="col" class="num">(\w · base)</th>', html)[:3] == ["a · base", "b · base", "c · base"]
    assert re.findall(r"<b>(\w · base)</b>", html)[:3] == ["a · base", "b · base", "c · base"]


def test_a_comparison_made_twice_makes_nothing_new(tmp_path: Path) -> None:
    runs = {"a": finished(run_of(BASE), tmp_path), "b": finished(run_of({**BASE, "expert": 0.8}), tmp_path)}
    first, _ = made(runs)
    before = {folder.name for folder in tmp_path.iterdir()}
    states: list[str] = []
    again = comparison(runs, title="T", language="en")
    run([again], Runtime(store=tmp_path), lambda event: states.append(event.state))
    assert set(states) == {"held"}
    assert {folder.name for folder in tmp_path.iterdir()} == before
    assert again.folder == first.path.name


def test_another_name_or_language_is_another_page_and_no_other_gate(tmp_path: Path) -> None:
    runs = {"a": finished(run_of(BASE), tmp_path), "b": finished(run_of({**BASE, "expert": 0.8}), tmp_path)}
    made(runs)
    renamed = {"first": runs["a"], "second": runs["b"]}
    for target in (comparison(runs, title="T", language="zh"), comparison(renamed, title="T", language="en")):
        made_anew: list[str] = []
        watch = made_anew.append
        run([target], Runtime(store=tmp_path), lambda event, watch=watch: watch(f"{event.step.kind} {event.state}"))  # type: ignore[misc]
        assert [state for state in made_anew if not state.endswith(" held")] == ["page making", "page made"]


def test_identical_runs_share_everything(tmp_path: Path) -> None:
    one = finished(run_of(BASE), tmp_path)
    runs = {"a": one, "b": finished(run_of(BASE, title="Another title"), tmp_path), "c": one}
    assert labels(runs) == []
    assert list(notes(runs)) == [
        "b and a share every score that could be compared: they are the same artifacts",
        "c and a share every score that could be compared: they are the same artifacts",
    ]
    html = (made(runs)[0].path / "page.html").read_text(encoding="utf-8")
    assert '<th scope="col" class="num">base</th>' in html
    assert " · base" not in html


def test_runs_about_other_things_are_shown_and_the_reason_is_said(tmp_path: Path) -> None:
    runs = {
        "a": finished(run_of(BASE), tmp_path),
        "b": finished(run_of(BASE, asked=range(100, 130), exams={"quiz": "answer_text"}), tmp_path),
    }
    assert labels(runs) == []
    (note,) = notes(runs)
    assert note.startswith("b and a were asked nothing alike")


def test_one_run_alone_is_its_page_anew_to_the_byte(tmp_path: Path) -> None:
    only = finished(run_of(BASE, title="T"), tmp_path)
    page, verdicts = made({"a": only})
    assert verdicts == {}
    assert page.path != only.path
    for name in ("page.html", "items.html"):
        assert (page.path / name).read_bytes() == (only.path / name).read_bytes()


def test_a_run_made_by_older_code_is_compared_with_one_made_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = finished(run_of(BASE), tmp_path)
    monkeypatch.setattr(Knowledge, "code_version", 2)
    new = finished(run_of(BASE), tmp_path)
    assert labels({"old": old, "new": new}) == ["expert_exam compared: old -> new", "base_exam compared: old -> new"]
    _, verdicts = made({"old": old, "new": new})
    assert [one.difference for verdict in verdicts.values() for one in verdict.comparisons] == [0, 0]


def test_what_is_only_read_stays_held(tmp_path: Path) -> None:
    runs = {"a": finished(run_of(BASE), tmp_path), "b": finished(run_of({**BASE, "expert": 0.8}), tmp_path)}
    steps = list(in_order(comparison(runs, title="T", language="en")))
    assert [step.kind for step in steps if not isinstance(step, Held)] == ["gate", "page"]
