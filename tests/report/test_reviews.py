"""What a judge said stands on the page as document 003 prints it, with what people say."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.report.conftest import Given, Open, needs_chromium, of_room

from zhiyin.artifacts import Page, Review
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.records.review import (
    Agreement,
    Consistency,
    Correlation,
    Findings,
    Judged,
    LengthBias,
    People,
    PlaceBias,
    Points,
    TaskRow,
)
from zhiyin.report.page import Config, page
from zhiyin.report.reviews import opinions
from zhiyin.report.shown import Shown

SYSTEMS = ("ours", "ours, DPO", "ChatGPT")
TABLE = {"知识问答": (65, 67.5, 89), "翻译": (79, 89, 91), "情感分析": (88, 91, 71)}
ALIKE = Agreement(
    answers=240,
    one_side_only=0,
    kappa=0.61,
    spearman=0.72,
    mean_difference=-0.25,
    mean_absolute_difference=1.0,
    orders=240,
    same_order=0.8,
    order_kappa=0.6,
)


def cells(values: tuple[float, ...]) -> tuple[Points, ...]:
    top, second = sorted(values, reverse=True)[:2]
    return tuple(
        Points(one, int(one == 65), "best" if one == top else "own_best" if one == second else "") for one in values
    )


def findings(raters: tuple[str, ...], games: int) -> Findings:
    sums = tuple(float(sum(row[place] for row in TABLE.values())) for place in range(3))
    return Findings(
        systems=SYSTEMS,
        rows=tuple(TaskRow(task, cells(values)) for task, values in TABLE.items()),
        sums=cells(sums),
        judged=Judged(
            judgements=240,
            unread=1,
            places={"1": PlaceBias(0.31, 0.1, 0.5, 80), "2": PlaceBias(-0.31, -0.5, -0.1, 80)},
            lengths=LengthBias(Correlation(0.4, 0.01), Correlation(None, None)),
            orders=Consistency(games, 0.75 if games else None, None),
        ),
        people=People(
            ratings=240,
            blank=0,
            judge=ALIKE if raters else None,
            raters=dict.fromkeys(raters, ALIKE),
            among_themselves={"李 / 王": ALIKE} if len(raters) > 1 else {},
        ),
    )


@of_room("evaluation")
def review(config: Given, *, out: Path, runtime: Runtime) -> Review:
    return Review(out, findings(tuple(config.note), config.size).plain())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a page about two reviews, and the reviews."""
    runtime = Runtime(store=tmp_path_factory.mktemp("store"))
    plan = {
        "with people": step(review, Given(note="李王", size=0), {}, "with people"),
        "judge alone": step(review, Given(note="", size=12), {}, "judge alone"),
    }
    shown = step(page, Config(title="评审"), {"reviews": plan}, "page")
    run([shown], runtime)
    return {one.label: one.produces(runtime.store / one.folder) for one in (*plan.values(), shown)}


def tables(html: str, kind: str) -> list[list[list[str]]]:
    root = ElementTree.fromstring(html)
    section = root.find(".//section[@id='reviews']")
    assert section is not None
    return [
        [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in table.iter("tr")]
        for table in section.findall(f".//table[@class='{kind}']")
    ]


def html_of(made: dict[str, Any]) -> str:
    shown: Page = made["page"]
    return (shown.path / "page.html").read_text(encoding="utf-8")


def test_the_table_is_the_one_of_the_document(made: dict[str, Any]) -> None:
    first, second = tables(html_of(made), "judged")
    assert first == second
    assert first == [
        ["Task", *SYSTEMS],
        ["知识问答", "65 1 not read", "67.5*", "89"],
        ["翻译", "79", "89*", "91"],
        ["情感分析", "88*", "91", "71"],
        ["All tasks", "232", "247.5*", "251"],
    ]
    best = re.findall(r'class="standing best" href="#[^"]+"><data value="([\d.]+)"', html_of(made))
    assert best == ["89.0", "91.0", "91.0", "251.0"] * 2


def test_people_stand_beside_the_judge(made: dict[str, Any]) -> None:
    (people,) = tables(html_of(made), "people")
    numbers = ["240", "+0.61", "+0.72", "−0.25", "80.0\u202f%"]
    assert [row[0] for row in people[1:]] == ["judge – people", "judge – 李", "judge – 王", "李 – 王"]
    assert [[cell.replace(" %", "\u202f%") for cell in row[1:]] for row in people[1:]] == [numbers] * 4


def test_what_the_judge_favours_is_told(made: dict[str, Any]) -> None:
    html = html_of(made)
    assert html.count("Favour by place") == 2
    assert html.count("Both orders agree") == 1, "only games have two orders"
    assert "against people" not in html, "there is no such correlation"
    assert '<a href="#reviews">What the judge said</a>' in html


def test_a_page_shows_its_reviews_to_another(made: dict[str, Any]) -> None:
    shown = Shown.by(made["page"])
    assert [one.path.name for one in shown.reviews] == [made["with people"].path.name, made["judge alone"].path.name]
    assert [one.label for one in opinions(shown.reviews)] == ["with people", "judge alone"]


@needs_chromium
@pytest.mark.browser
def test_it_fits_into_a_window(made: dict[str, Any], opened: Open) -> None:
    address = (made["page"].path / "page.html").as_uri()
    for width in (400, 1280):
        tab = opened(address, width=width)
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        best = tab.locator(".judged .best").first
        assert int(best.evaluate("one => getComputedStyle(one).fontWeight")) >= 600
