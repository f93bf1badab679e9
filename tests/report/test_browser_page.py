"""The page in a browser: quiet, readable at every width and in both schemes, printable, and all links lead on."""

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.report.conftest import Open, Scheme, needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, needs_chromium]

VARIANTS: list[tuple[Scheme, int, str]] = list(product(("light", "dark"), (400, 1600), ("en", "zh")))
SECTIONS = ["summary", "results", "comparisons", "curves", "answers", "data", "lineage", "recipe", "costs", "versions"]
CONTRAST = Path(__file__).with_name("contrast.js")


def address(folder: Path, fragment: str = "") -> str:
    return (folder / "page.html").as_uri() + (f"#{fragment}" if fragment else "")


def arrived(tab: "Page", folder: str) -> None:
    """Wait until the address names a step and the page has opened it: a click returns before either."""
    tab.wait_for_url(f"**/page.html#{folder}")
    tab.wait_for_selector(f"details#{folder}[open]")


@pytest.mark.parametrize(("scheme", "width", "language"), VARIANTS)
def test_every_section_is_there_and_nothing_runs_over(
    scheme: Scheme, width: int, language: str, pages: dict[str, Path], opened: Open
) -> None:
    tab = opened(address(pages[language]), width=width, scheme=scheme)
    boxes = {one.get_attribute("id"): one.bounding_box() for one in tab.locator("section").all()}
    assert list(boxes) == SECTIONS
    assert all(box and box["width"] > 300 and box["height"] > 60 for box in boxes.values())
    tab.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    beyond = """[...document.querySelectorAll('main *')].filter((one) => one.checkVisibility()
        && !one.closest('.scroll, svg, pre') && one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120))"""
    assert tab.evaluate(beyond) == []
    aside = """[...document.querySelectorAll('.scroll:not(.graph)')]
        .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.slice(0, 60))"""
    assert tab.evaluate(aside) == [], "four models fit, and on a phone they stand below each other"
    cells = tab.locator(".scores tbody tr").first.locator("td").evaluate_all("all => all.map((one) => one.offsetLeft)")
    assert (len(set(cells)) == 1) == (width == 400)


@pytest.mark.parametrize(("scheme", "width", "language"), VARIANTS)
def test_every_text_stands_out_from_its_ground(
    scheme: Scheme, width: int, language: str, pages: dict[str, Path], opened: Open
) -> None:
    tab = opened(address(pages[language]), width=width, scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    found = tab.evaluate(CONTRAST.read_text(encoding="utf-8"))
    assert found["seen"] > 1000
    assert found["low"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_and_strips_are_drawn(scheme: Scheme, pages: dict[str, Path], opened: Open) -> None:
    tab = opened(address(pages["en"]), width=400, scheme=scheme)
    drawn = """(kind) => [...document.querySelectorAll(kind)].filter((one) => one.checkVisibility()).map((one) => {
        const style = getComputedStyle(one), box = one.getBoundingClientRect();
        return [style.stroke, style.strokeWidth, box.width]; })"""
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    lines = tab.evaluate(drawn, ".plot .line")
    assert len(lines) >= 4 * 3
    for stroke, width, length in [*lines, *tab.evaluate(drawn, ".cards .interval")]:
        assert stroke not in ("none", paper)
        assert float(width.removesuffix("px")) > 0.5
        assert length > 20
    sizes = tab.evaluate(
        """[...document.querySelectorAll('.plot text')].map((one) => one.getBoundingClientRect().height)"""
    )
    assert min(sizes) > 9, "ticks can be read on a phone"


def test_a_box_of_the_lineage_opens_its_step(pages: dict[str, Path], made: dict[str, Any], opened: Open) -> None:
    tab = opened(address(pages["en"]))
    folder = made["偏好优化"].path.name
    step = tab.locator(f"details#{folder}")
    assert step.get_attribute("open") is None
    tab.locator(f".node[href='#{folder}']").click()
    arrived(tab, folder)
    assert "note: dpo" in step.inner_text()
    assert step.locator("summary").is_visible()


def test_a_box_lights_up_what_it_came_from_and_what_came_of_it(
    pages: dict[str, Path], made: dict[str, Any], opened: Open
) -> None:
    tab = opened(address(pages["en"]))
    tab.locator(f".node[href='#{made['sft_merged'].path.name}']").hover()
    kin = {one.get_attribute("href") for one in tab.locator(".lit .node.kin").all()}
    labels = {label for label, one in made.items() if f"#{one.path.name}" in kin}
    above = {"sft_merged", "sft", "start", "raw", "blank", "prose"}
    assert above <= labels
    assert "control" not in labels
    assert {"偏好优化", "偏好优化_answers", "sft_to_偏好优化"} <= labels
    assert tab.locator(".edge.kin").count() < tab.locator(".edge").count()
    tab.mouse.move(0, 0)
    assert tab.locator(".lit").count() == 0


def test_the_lineage_can_be_scaled(pages: dict[str, Path], opened: Open) -> None:
    tab = opened(address(pages["en"]), width=400)
    graph = tab.locator(".lineage")

    def wide() -> float:
        box = graph.bounding_box()
        assert box is not None
        return box["width"]

    full = wide()
    tab.locator("[data-zoom=fit]").click()
    assert wide() <= 400
    tab.locator("[data-zoom=in]").click()
    assert wide() <= 500
    tab.locator("[data-zoom=full]").click()
    assert wide() == pytest.approx(full)


def test_the_keyboard_reaches_boxes_and_links(pages: dict[str, Path], made: dict[str, Any], opened: Open) -> None:
    tab = opened(address(pages["en"]))
    first = tab.locator(".node").first
    tab.locator("[data-zoom=full]").focus()
    tab.keyboard.press("Tab")  # the graph itself can be scrolled
    if tab.evaluate("document.activeElement.classList.contains('graph')"):
        tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getAttribute('href')") == first.get_attribute("href")
    assert tab.locator(".lineage.lit").count() == 1
    tab.keyboard.press("Enter")
    arrived(tab, str(first.get_attribute("href")).removeprefix("#"))
    untabbed = (
        "[...document.querySelectorAll('a')].filter((one) => one.tabIndex < 0 || !one.hasAttribute('href')).length"
    )
    assert tab.evaluate(untabbed) == 0


def test_a_number_leads_to_its_step_and_on_to_its_items(
    pages: dict[str, Path], made: dict[str, Any], opened: Open
) -> None:
    tab = opened(address(pages["en"]))
    scores = made["sft_exam_text"]
    tab.locator(f".scores .value[href='#{scores.path.name}']").first.click()
    step = tab.locator(f"details#{scores.path.name}")
    told = step.inner_text()
    for fact in (
        "generated_exam, protocol text",
        "skill 0.8",
        scores.path.name,
        "zhiyin.evaluation.score",
        "marks.jsonl",
    ):
        assert fact in told
    wrong = sum(mark.value == 0 for mark in scores.marks)
    step.locator(".ways a", has_text="wrong").click()
    tab.wait_for_selector("body[data-ready]")
    assert tab.locator("#count").inner_text() == f"{wrong} of 60 items"
    tab.locator(".reply.is-chosen .where a").first.click()
    arrived(tab, scores.path.name)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_prints_with_every_heading_and_every_table(language: str, pages: dict[str, Path], opened: Open) -> None:
    tab = opened(address(pages[language]))
    headings = [one.inner_text() for one in tab.locator("h1, h2").all()]
    sheet = tab.pdf(prefer_css_page_size=True, outline=True, tagged=True)
    assert sheet.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) >= 4
    outlined = {plain(one) for one in re.findall(rb"/Title\s*(\((?:\\.|[^\\)])*\)|<[0-9A-Fa-f]+>)", sheet)}
    assert len(headings) == 10
    # Chromium tells a heading twice that it moved to the next page.
    assert [one for one in headings if not {one, one * 2} & outlined] == []
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = tab.locator("details:not([open])")
    assert closed.count() == 31, "all but the settings of the steps"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() > 31


def plain(title: bytes) -> str:
    """Return a PDF string: in parentheses with escapes, or in hexadecimal UTF-16."""
    if title.startswith(b"<"):
        return bytes.fromhex(title[1:-1].decode()).decode("utf-16")
    raw = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), title[1:-1])
    raw = re.sub(rb"\\(.)", rb"\1", raw)
    return raw.decode("utf-16") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")


def test_many_models_scroll_inside_their_table(made: dict[str, Any], tmp_path: Path, opened: Open) -> None:
    html = (made["page"].path / "page.html").read_text(encoding="utf-8")
    wide = re.sub(r'(<td class="num[^"]*" data-model="sft">.*?</td>)', r"\1" * 9, html, flags=re.DOTALL)
    wide = wide.replace('<th scope="col" class="num">sft</th>', '<th scope="col" class="num">sft</th>' * 9)
    (tmp_path / "page.html").write_text(wide, encoding="utf-8")
    for width in (400, 1600):
        tab = opened(address(tmp_path), width=width)
        assert tab.locator(".scores").first.locator("tbody tr").first.locator("td").count() == 12
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        head = tab.locator(".scores tbody th").first
        tab.evaluate("document.querySelector('.scroll').scrollLeft = 9999")
        box = head.bounding_box()
        assert box is not None
        assert box["x"] >= 0, "the name of the row stays in sight"


def test_the_chinese_page_has_no_english_words_of_its_own(pages: dict[str, Path], opened: Open) -> None:
    tab = opened(address(pages["zh"]))
    own = "h2, nav a, .facts dt, .note, figcaption, .plot .below, .legend [class^=room], .forest thead th, .trail dt"
    told = tab.locator(own).evaluate_all("all => all.map((one) => one.textContent.trim())")
    assert len(told) > 150
    assert {one for one in told if one.isascii()} == {"p", "n", ""}
