"""Two runs on one page: a column for each model of each run, what they share only once, remarks and curves."""

from itertools import product
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.report.conftest import build

from zhiyin.artifacts import Page, Verdict, curve
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.report import plots, summary
from zhiyin.report.history import Runs, history
from zhiyin.report.page import Config, page

Element = ElementTree.Element


@pytest.fixture(scope="module")
def runs(made: dict[str, Any]) -> dict[str, Page]:
    """Return the page of the plan, and that of a plan whose models were trained for fewer steps."""
    store = made["page"].path.parent
    shorter: Step[Page] = build(steps=40)["page"]
    run([shorter], Runtime(store=store))
    return {"long": made["page"], "short": Page(store / shorter.folder)}


@pytest.fixture(scope="module")
def both(runs: dict[str, Page], tmp_path_factory: pytest.TempPathFactory) -> Element:
    """Return the page of the two runs."""
    out = tmp_path_factory.mktemp("both")
    page(Config(title="Both", samples=2), out=out, runtime=Runtime(), runs=runs)
    return ElementTree.fromstring((out / "page.html").read_text(encoding="utf-8"))


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def section(root: Element, name: str) -> Element:
    (found,) = [one for one in root.iter("section") if one.attrib.get("id") == name]
    return found


def test_every_model_of_every_run_has_its_column(both: Element) -> None:
    table = section(both, "results").find(".//table")
    assert table is not None
    head = [words(cell) for cell in table.findall("thead/tr/th")][1:]
    models = ("start", "control", "sft", "偏好优化")
    assert head == [f"{name} · {model}" for model in models for name in ("long", "short")]
    (first, *_) = table.findall("tbody/tr")
    assert len([cell for cell in first.findall("td") if words(cell) != "–"]) == len(head)


def test_a_row_is_one_benchmark_however_many_runs_asked_it(both: Element) -> None:
    rows = section(both, "results").findall(".//table")[0].findall("tbody/tr")
    assert [words(row.findall("th/b")[0]) for row in rows] == [
        "exam_text",
        "exam_letter",
        "exam_generate",
        "exam_generate",
    ]


def test_the_lineage_holds_both_and_what_they_share_once(both: Element, runs: dict[str, Page]) -> None:
    boxes = [box.attrib["href"][1:] for box in both.iter("a") if box.attrib.get("class", "").startswith("node")]
    folders = {one.path.name for run in runs.values() for one in run.lineage} - {run.path.name for run in runs.values()}
    assert sorted(boxes) == sorted(folders)
    titles = {words(one).split(":")[0] for one in both.iter("title")}
    assert {"prose", "raw", "long · start", "short · start"} <= titles


FOREST = ".//table[@class='forest']/tbody/tr"


def test_verdicts_of_each_run_keep_their_run(both: Element) -> None:
    pairs = [words(row.findall("th/b")[0]) for row in section(both, "comparisons").findall(FOREST)]
    assert pairs == [
        f"{name} · {before} → {name} · {after}"
        for name in ("long", "short")
        for before, after in (("start", "sft"), ("control", "sft"), ("sft", "偏好优化"))
    ]


def test_the_curves_of_one_label_share_their_charts(both: Element, runs: dict[str, Page]) -> None:
    curves = section(both, "curves")
    heads = [words(head) for head in curves.findall("h3")]
    assert heads == [f"long · {model}, short · {model}" for model in ("start", "sft", "偏好优化", "control")]
    figures = {words(one.findall("figcaption")[0]): one for one in curves.findall("div")[2].findall("figure")}
    assert list(figures) == ["loss", "reward accuracy", "reward margin", "learning rate", "gradient norm"]
    rows = figures["reward accuracy"].findall("table/tr")
    assert [words(row.findall("th")[0]) for row in rows] == [
        f"{name} · 偏好优化 · {split}" for name in ("long", "short") for split in ("train", "held out")
    ]
    nodes = {node.label: node for node in history(runs.values(), Runs.of(runs))}
    for row, (name, split) in zip(rows, product(("long", "short"), ("train", "held_out")), strict=True):
        node = nodes[f"{name} · 偏好优化"]
        points = [one.values["rewards/accuracies"] for one in curve(node.artifact) if one.split == split]
        assert [float(one.attrib["value"]) for one in row.iter("data")] == [points[0], points[-1]]
        assert {one.attrib["href"] for one in row.iter("a")} == {f"#{node.folder}"}
    swatches = [path.attrib["class"] for row in rows for path in row.iter("path")]
    assert swatches == ["line firm one", "line held one", "line firm two", "line held two"]


def test_more_runs_than_colours_stand_side_by_side(runs: dict[str, Page], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "HUES", ("one",))
    known = Runs.of(runs)
    found = plots.trainings(history(runs.values(), known), str, known)
    assert [len(training.nodes) for training in found] == [1] * 8
    assert [training.nodes[0].label for training in found[:2]] == ["long · start", "short · start"]


def test_each_answer_says_whose_it_is(both: Element) -> None:
    (first, *_) = section(both, "answers").findall(".//article")
    assert [words(one.findall("p/b")[0]) for one in first.findall("div[@class='replies']/div")] == [
        f"{name} · {model}" for model in ("start", "control", "sft", "偏好优化") for name in ("long", "short")
    ]


def test_remarks_name_what_they_are_about(made: dict[str, Any], runs: dict[str, Page]) -> None:
    verdict: Verdict = made["start_to_sft"]
    known = Runs.of(runs)
    assert summary.remarks([verdict], known) == []
    changed = verdict.manifest.model_copy(
        update={"summary": {**verdict.manifest.summary, "warnings": ["3 of 6 items matched"]}}
    )
    copy = verdict.path.parent / "gate-remarked"
    copy.mkdir()
    (copy / "comparisons.jsonl").write_bytes((verdict.path / "comparisons.jsonl").read_bytes())
    (copy / "manifest.json").write_text(changed.model_dump_json(), encoding="utf-8")
    (remark,) = summary.remarks([Verdict(copy)], known)
    assert (remark.benchmark, remark.before, remark.after) == ("exam_text", "long · start", "long · sft")
    assert (remark.text, remark.folder) == ("3 of 6 items matched", "gate-remarked")


def test_a_verdict_that_two_runs_share_stands_once(made: dict[str, Any]) -> None:
    once = summary.findings([made["start_to_sft"]])
    assert summary.findings([made["start_to_sft"], made["start_to_sft"]]) == once


def test_a_recipe_may_show_its_own_pages_as_runs() -> None:
    mine = step(page, Config(title="T"), {"data": {"raw": build()["raw"]}})
    assert step(page, Config(title="T"), {"runs": {"one": mine}}).produces is Page
    with pytest.raises(ValueError, match="input 'runs' takes a mapping"):
        step(page, Config(title="T"), {"runs": mine})
