"""The page says what the artifacts say, is safe to open anywhere, and is one well-formed file."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from zhiyin.artifacts import Page, ScoreSet, TextSet, Verdict, curve
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.report.page import Config, page

VOID = {"meta", "br", "link", "img", "input", "hr"}
Element = ElementTree.Element


class Balance(HTMLParser):
    """Reads as a browser does, and notices a tag left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Neither opens nor closes."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def root(html: str) -> Element:
    """The page as a tree; parsing it as XML proves that it is well formed and holds no control character."""
    return ElementTree.fromstring(html)


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def section(root: Element, name: str) -> Element:
    found = root.find(f".//section[@id='{name}']")
    assert found is not None
    return found


def numbers(element: Element) -> list[float]:
    return [float(one.attrib["value"]) for one in element.iter("data")]


def shown(made: dict[str, Any], out: Path, **changes: Any) -> Page:
    """Write the page of the shared store again."""
    config = Config(title=changes.pop("title", "T"), **changes)
    answers = {label: made[label] for label in ("start_answers", "sft_answers")}
    scores = {label: one for label, one in made.items() if isinstance(one, ScoreSet)}
    verdicts = {label: one for label, one in made.items() if isinstance(one, Verdict)}
    out.mkdir()
    return page(config, out=out, runtime=Runtime(), scores=scores, verdicts=verdicts, answers=answers)


def test_it_is_a_small_balanced_file_without_foreign_resources(html: str, made: dict[str, Any]) -> None:
    reader = Balance()
    reader.feed(html)
    assert reader.open == []
    assert len(html.encode()) < 500_000
    assert sorted(made["page"].manifest.files) == ["items.html", "page.html"]
    assert made["page"].manifest.results == {}, "a page shows seconds and memory: all of it is telemetry"
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#|items\.html)", html)
    assert not re.search(r"url\((?!#)|@import|https?:|//cdn", html)


def test_ids_are_unique_and_every_reference_leads_to_one(root: Element, html: str) -> None:
    ids = Counter(element.attrib["id"] for element in root.iter() if "id" in element.attrib)
    assert [one for one, count in ids.items() if count > 1] == []
    links = {one.attrib["href"][1:] for one in root.iter() if one.attrib.get("href", "").startswith("#")}
    assert len(links) >= 40
    assert links | set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_every_step_of_the_lineage_is_a_node_and_a_section(root: Element, made: dict[str, Any]) -> None:
    folders = {one.path.name for label, one in made.items() if label != "page"}
    assert len(folders) == 31
    boxes = root.findall(".//svg[@class='lineage']/a")
    assert {box.attrib["href"][1:] for box in boxes} == folders
    sections = section(root, "recipe").findall("details")
    assert {one.attrib["id"] for one in sections} == folders
    rooms = {text_of(box).split(":")[0]: box.attrib["class"] for box in boxes}
    assert rooms["sft"] == "node room-training"
    assert rooms["start_exam_text"] == "node room-evaluation"


def test_the_recipe_shows_settings_and_inputs_as_they_were_run(root: Element, made: dict[str, Any]) -> None:
    folder = made["sft"].path.name
    shown_step = section(root, "recipe").find(f"details[@id='{folder}']")
    assert shown_step is not None
    words = text_of(shown_step)
    assert "note: 对齐" in words
    assert "adapter: true" in words
    rows = {text_of(row.findall("dt")[0]): row for row in shown_step.findall(".//dl/div")}
    inputs = {name: row.findall("dd/a")[0].attrib["href"][1:] for name, row in rows.items() if name.startswith("input")}
    assert inputs == {"input model": made["start"].path.name, "input records": made["raw"].path.name}
    readers = {link.attrib["href"][1:] for link in rows["read by"].findall("dd/a")}
    assert readers == {made["sft_merged"].path.name, made["sft_answers"].path.name}
    record = made["sft"].manifest.files["curve.jsonl"]
    files = [text_of(row) for row in shown_step.findall(".//table[@class='plain files']/tr")]
    assert files == [f"curve.jsonl {record.size / 1024:.1f} KiB {record.sha256[:12]}"]


def test_the_before_after_table_holds_the_scores_in_order_of_descent(root: Element, made: dict[str, Any]) -> None:
    table = section(root, "results").find(".//table")
    assert table is not None
    head = [text_of(cell) for cell in table.findall("thead/tr/th")]
    assert head[1:] == ["start", "control", "sft", "偏好优化"]
    rows = {
        text_of(one.findall("th/*")[0]) + "/" + text_of(one.findall("th/*")[1]): one
        for one in table.iter("tr")
        if one.find("td") is not None
    }
    assert list(rows) == [
        "exam_text/accuracy",
        "exam_letter/accuracy",
        "exam_generate/accuracy",
        "exam_generate/characters",
    ]
    for name, row in rows.items():
        exam, measure = name.split("/")
        for model, cell in zip(head[1:], row.findall("td"), strict=True):
            scores = made[f"{model}_{exam}"].scores
            score = next(one for one in scores if one.measure == measure and one.group == "")
            assert numbers(cell) == [score.mean, score.low, score.high, score.count]
            assert (f"{100 * score.mean:.1f} %" if measure == "accuracy" else f"{score.mean:.4g}") in text_of(cell)
            assert len(cell.findall(".//path[@class='mark']")) == (exam != "exam_generate"), "the rule of chance"
    assert "at chance" in text_of(rows["exam_letter/accuracy"])
    assert "format mismatch" in text_of(rows["exam_letter/accuracy"])
    assert "at chance" not in text_of(rows["exam_text/accuracy"])
    assert "2 unanswered" in text_of(rows["exam_generate/characters"])
    assert "the letters hold 0.012" in text_of(section(root, "results"))


def test_each_group_has_its_own_scores(root: Element, made: dict[str, Any]) -> None:
    folds = {text_of(one.findall("summary")[0]): one for one in section(root, "results").findall("details")}
    rows = folds["exam_text, accuracy: by group (3)"].findall(".//tbody/tr")
    assert [text_of(row.findall("th")[0]) for row in rows] == ["省会", "生肖", "加法"]
    scores = {one.group: one for one in made["sft_exam_text"].scores}
    for row in rows:
        score = scores[text_of(row.findall("th")[0])]
        assert numbers(row.findall("td")[2]) == [score.mean, score.low, score.high, score.count]


def test_the_comparisons_hold_the_verdicts(root: Element, made: dict[str, Any]) -> None:
    rows = section(root, "comparisons").findall(".//table[@class='forest']/tbody/tr")
    wanted = {"start_to_sft": "as expected rise", "control_to_sft": "as expected rise"}
    wanted["sft_to_偏好优化"] = "not as expected not fall (−3.0)"
    for (label, verdict), row in zip(wanted.items(), rows, strict=True):
        one = next(iter(made[label].comparisons))
        values = [one.before, one.after, one.difference, one.low, one.high, one.p, one.gained, one.lost, one.count]
        assert numbers(row) == values
        assert f"relative {100 * one.difference / one.before:+.1f} %" in text_of(row).replace("−", "-")
        assert text_of(row.findall("td")[-1]) == verdict
        assert text_of(row.findall("th/b")[0]) == label.replace("_to_", " → ")
    cards = root.findall(".//article[@class]")
    assert len([card for card in cards if card.attrib["class"].startswith("card")]) == len(wanted)


def test_the_groups_of_a_comparison_stand_below_it_with_corrected_p_values(root: Element, made: dict[str, Any]) -> None:
    tables = section(root, "comparisons").findall(".//table[@class='forest dense']")
    verdicts = [made[label] for label in ("start_to_sft", "control_to_sft", "sft_to_偏好优化")]
    for verdict, table in zip(verdicts, tables, strict=True):
        for one, row in zip(verdict.groups, table.findall("tbody/tr"), strict=True):
            assert text_of(row.findall("th")[0]) == one.group
            assert numbers(row) == [one.before, one.after, one.difference, one.low, one.high]
            assert text_of(row.findall("td")[4]) == "0.030"


def test_the_curves_start_and_end_where_the_recorded_ones_do(root: Element, made: dict[str, Any]) -> None:
    parts = {
        text_of(head): box
        for head, box in zip(section(root, "curves").findall("h3"), section(root, "curves").findall("div"), strict=True)
    }
    assert set(parts) == {"start", "sft", "control", "偏好优化"}
    figures = {text_of(one.findall("figcaption")[0]): one for one in parts["偏好优化"].findall("figure")}
    assert set(figures) == {"loss", "reward accuracy", "reward margin", "learning rate", "gradient norm"}
    points = [one for one in curve(made["偏好优化"]) if one.split == "train"]
    held = [one for one in curve(made["偏好优化"]) if one.split == "held_out"]
    accuracy = "rewards/accuracies"
    ends = [one.values[accuracy] for one in (points[0], points[-1], held[0], held[-1])]
    assert numbers(figures["reward accuracy"]) == ends
    assert len(figures["loss"].findall("svg")) == 1


def test_answers_stand_side_by_side_with_their_marks(root: Element, made: dict[str, Any]) -> None:
    sheets = {text_of(one.findall("summary")[0]).split()[0]: one for one in section(root, "answers").findall("details")}
    assert set(sheets) == {"exam_generate", "exam_letter", "exam_text"}
    questions = sheets["exam_generate"].findall("article")
    assert [text_of(one.findall(".//p[@class='where']")[0]) for one in questions] == [
        f"q{n} · 生肖" for n in (7, 22, 37, 52)
    ]
    marks = {one.prompt_id: one for one in made["sft_exam_generate"].marks if one.measure == "accuracy"}
    said = {one.prompt_id: one.text for one in made["sft_answers"].of(made["exam_generate"])}
    for number, question in zip((7, 22, 37, 52), questions, strict=True):
        replies = {text_of(one.findall("p/b")[0]): one for one in question.findall("div[@class='replies']/div")}
        assert list(replies) == ["start", "control", "sft", "偏好优化"]
        right = marks[f"q{number}"].value == 1
        assert replies["sft"].attrib["class"] == f"reply is-{'right' if right else 'wrong'}"
        assert text_of(replies["sft"].findall("p[@class='text']")[0]) == said[f"q{number}"]
        assert f"read as {marks[f'q{number}'].extracted};" in text_of(replies["sft"])
    picked = sheets["exam_text"].findall(".//tr[@class='best']")
    assert len(picked) == 4 * 4
    assert {numbers(row)[0] for row in picked} == {-2.0}


def test_the_data_table_counts_and_says_why_rows_were_rejected(root: Element, made: dict[str, Any]) -> None:
    data = section(root, "data")
    rows = {text_of(row.findall("th/a")[0]): row for row in data.findall(".//tbody/tr")}
    assert set(rows) == {"prose", "raw", "pairs"}
    assert numbers(rows["raw"]) == [40, 6, 30, 10, 20, 20]
    assert numbers(rows["prose"]) == [40, 0, 40, 6, 6, 6, 6, 6, 5, 5]
    assert "4 more" in text_of(rows["prose"]), "a long list is folded, never cut"
    refusals = data.find(".//dl")
    assert refusals is not None
    assert [text_of(one) for one in refusals.findall("dt")] == ["empty answer 5", "not a <record> 1"]
    places = [text_of(one) for one in refusals.findall("dd/code")]
    assert places == ["alpaca.json:9", "alpaca.json:10", "alpaca.json:77"]
    assert "bell ␇ & more" in text_of(refusals)


def test_costs_add_up_to_those_of_the_manifests(root: Element, made: dict[str, Any]) -> None:
    records = [one.manifest.provenance for label, one in made.items() if label != "page"]
    table = section(root, "costs")
    assert len(table.findall(".//tbody/tr")) == len(records)
    seconds, cpu, memory = numbers(table.findall(".//tfoot")[0])
    assert seconds == pytest.approx(sum(one["seconds"] for one in records))
    assert cpu == pytest.approx(sum(one["cpu_seconds"] for one in records))
    assert memory == max(one["peak_memory_bytes"] for one in records)
    facts = [[text_of(cell) for cell in row] for row in section(root, "versions").findall(".//tr")]
    assert ["machine", records[0]["machine"]] in facts
    for name, version in {"python": records[0]["python"], **records[0]["packages"]}.items():
        assert [name, str(version)] in facts


def test_nothing_a_record_holds_becomes_markup(root: Element, html: str) -> None:
    assert len(root.findall(".//script")) == 1
    assert "<script>alert(1)" not in html
    assert '{"output": "<script>alert(1)</script>"}' in text_of(section(root, "data"))
    assert "第7题：<b>浙江</b>的省会是？" in text_of(section(root, "answers"))
    assert root.findall(".//h1")[0].text == "知音 <tiny> & real"


def test_the_same_store_gives_the_same_bytes(made: dict[str, Any], tmp_path: Path) -> None:
    first, second = (shown(made, tmp_path / name).path / "page.html" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_the_page_speaks_chinese(made: dict[str, Any], tmp_path: Path) -> None:
    html = (shown(made, tmp_path / "zh", language="zh").path / "page.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in html
    assert "配对比较" in html
    assert "Paired comparisons" not in html


def test_no_samples_and_no_examples_leave_their_parts_out(made: dict[str, Any], tmp_path: Path) -> None:
    small = shown(made, tmp_path / "small", samples=0, rejected_examples=0).path / "page.html"
    root = ElementTree.fromstring(small.read_text(encoding="utf-8"))
    assert root.findall(".//article[@class='question']") == []
    assert root.findall(".//dl[@class='refusals']/dd") == []
    assert len(root.findall(".//dl[@class='refusals']/dt")) == 2


def test_a_page_about_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs something to show"):
        page(Config(title="T"), out=tmp_path, runtime=Runtime())


def test_the_plan_refuses_an_input_of_the_wrong_kind() -> None:
    def prose(config: Config, *, out: Path, runtime: Runtime) -> TextSet:
        raise AssertionError("building a plan runs nothing")

    texts = step(prose, Config(title="T"), label="prose")
    with pytest.raises(ValueError, match=r"input 'models' takes .*, but prose makes TextSet"):
        step(page, Config(title="T"), {"models": {"start": texts}})
    assert step(page, Config(title="T"), {"data": {"prose": texts}}).produces is Page
