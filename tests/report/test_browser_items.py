"""The page of items in a browser: filters, flips, search, pages, links; and what a record says is never run."""

import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.report.conftest import HOSTILE, Open, Scheme, needs_chromium

from zhiyin.artifacts import Verdict
from zhiyin.report.evidence import address

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, needs_chromium]

VARIANTS: list[tuple[Scheme, int, str]] = list(product(("light", "dark"), (400, 1600), ("en", "zh")))
CONTRAST = Path(__file__).with_name("contrast.js")


def at(folder: Path, prompts: str, **wanted: str) -> str:
    return f"{folder.as_uri()}/{address(prompts, **wanted)}"


def found(tab: "Page") -> int:
    return int(tab.locator("#count").inner_text().split()[0])


def ready(tab: "Page") -> None:
    """Wait until what is shown is what the address asks for."""
    tab.wait_for_function("document.body.dataset.ready === location.hash")


@pytest.mark.parametrize(("scheme", "width", "language"), VARIANTS)
def test_it_is_readable_at_every_width_and_in_both_schemes(
    scheme: Scheme, width: int, language: str, pages: dict[str, Path], opened: Open
) -> None:
    tab = opened((pages[language] / "items.html").as_uri(), width=width, scheme=scheme)
    assert tab.locator("article").count() == 20
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    contrast = tab.evaluate(CONTRAST.read_text(encoding="utf-8"))
    assert contrast["seen"] > 300
    assert contrast["low"] == []


def test_the_items_that_rose_and_fell_are_those_of_each_verdict(
    pages: dict[str, Path], made: dict[str, Any], opened: Open
) -> None:
    verdicts = [one for one in made.values() if isinstance(one, Verdict)]
    assert len(verdicts) == 3
    for verdict in verdicts:
        tab = opened(f"{pages['en'].as_uri()}/page.html#{verdict.path.name}")
        (comparison,) = verdict.comparisons
        flipped = [json.loads(line) for line in (verdict.path / "flipped.jsonl").read_text("utf-8").splitlines()]
        ways = tab.locator(f"details#{verdict.path.name} .ways a")
        links = {one.inner_text(): one.evaluate("one => one.href") for one in ways.all()}
        for show, count, value in (("rose", comparison.gained, 1), ("fell", comparison.lost, 0)):
            items = opened(links[show])
            assert found(items) == count
            shown = [one.get_attribute("data-item") for one in items.locator("article").all()]
            assert shown == [one["prompt_id"] for one in flipped if one["after"] == value][:20]
        assert found(opened(links["unchanged"])) == comparison.count - len(flipped)


def test_filters_search_and_pages(pages: dict[str, Path], made: dict[str, Any], opened: Open) -> None:
    tab = opened(at(pages["en"], made["exam_generate"].path.name))
    assert found(tab) == 60
    assert tab.locator(".pager").first.inner_text().split() == ["Previous", "1", "/", "3", "Next"]
    tab.locator(".pager a[rel=next]").first.click()
    ready(tab)
    assert tab.locator("article").first.get_attribute("data-item") == "q20"
    assert "page=2" in tab.url
    tab.go_back()
    ready(tab)
    assert tab.locator("article").first.get_attribute("data-item") == "q0"
    tab.locator("#group").select_option("生肖")
    ready(tab)
    assert found(tab) == 20
    tab.locator("#find").fill("第13题")
    ready(tab)
    assert [one.get_attribute("data-item") for one in tab.locator("article").all()] == ["q13"]
    tab.locator("#find").fill("nothing says this")
    ready(tab)
    assert found(tab) == 0
    tab.locator("#find").fill("")
    tab.locator("#group").select_option("")
    tab.locator("#show").select_option("truncated")
    ready(tab)
    assert [one.get_attribute("data-item") for one in tab.locator("article").all()] == ["q5"]
    assert "the head of the prompt was cut off" in tab.locator("article").inner_text()
    said = {one.prompt_id: one for one in made["偏好优化_answers"].of(made["exam_generate"])}
    tab.locator("#show").select_option("cut")
    ready(tab)
    assert found(tab) == sum(one.stopped == "length" for one in said.values())


def test_what_is_wrong_for_one_model_is_what_its_marks_say(
    pages: dict[str, Path], made: dict[str, Any], opened: Open
) -> None:
    for model in ("start", "sft"):
        scores = made[f"{model}_exam_letter"]
        wanted = {"answers": scores.path.name, "measure": "accuracy"}
        wrong = [mark.prompt_id for mark in scores.marks if mark.value == 0]
        tab = opened(at(pages["en"], made["exam_letter"].path.name, show="wrong", **wanted))
        assert found(tab) == len(wrong)
        assert [one.get_attribute("data-item") for one in tab.locator("article").all()] == wrong[:20]
        assert tab.locator("article .is-chosen.is-wrong").count() == 20
    unread = opened(at(pages["en"], made["exam_generate"].path.name, measure="characters", show="unanswered"))
    assert found(unread) == 60, "nothing is read for a count of characters here"


def test_an_item_shows_prompt_choices_answers_and_marks(
    pages: dict[str, Path], made: dict[str, Any], opened: Open
) -> None:
    tab = opened(at(pages["en"], made["exam_text"].path.name, item="q7"))
    assert found(tab) == 1
    told = tab.locator("article").inner_text()
    for words in ("你是助手。", "第7题：<b>浙江</b>的省会是？", "济南", "−2.00", "read as", "accuracy"):
        assert words in told
    completion = next(one for one in made["sft_answers"].of(made["exam_text"]) if one.prompt_id == "q7")
    reply = tab.locator(".reply", has=tab.get_by_text("sft", exact=True))
    picked = reply.locator(".best td").first.inner_text()
    assert picked == ("杭州", "南京", "合肥", "济南")[completion.choice_logprobs.index(max(completion.choice_logprobs))]
    tab.locator("#every").click()
    ready(tab)
    assert found(tab) == 60


def test_a_hostile_record_is_shown_and_not_run(pages: dict[str, Path], made: dict[str, Any], opened: Open) -> None:
    tab = opened(at(pages["en"], made["exam_generate"].path.name, item="q1"))
    told = tab.locator("article").inner_text()
    assert told.count(HOSTILE) == 1 + 4, "the system prompt, and the answer of every model"
    assert tab.locator("article img, article script").count() == 0
    assert tab.evaluate("window.hacked") is None
    for name in ("page.html", "items.html"):
        policy = opened((pages["en"] / name).as_uri()).locator("meta[http-equiv]").get_attribute("content")
        assert policy is not None
        assert "default-src 'none'" in policy
        assert "script-src 'sha256-" in policy


def test_a_wrong_address_shows_the_first_set(pages: dict[str, Path], opened: Open) -> None:
    tab = opened(f"{(pages['en'] / 'items.html').as_uri()}#prompts=nowhere&answers=nobody&show=sideways&page=99")
    assert found(tab) == 60
    assert tab.locator("article").first.get_attribute("data-item") == "q40", "the last page there is"


def test_the_chinese_page_has_no_english_left(pages: dict[str, Path], opened: Open) -> None:
    tab = opened((pages["zh"] / "items.html").as_uri())
    menus = [
        one
        for menu in tab.locator("select:not(#prompts, #group, #answers, #before) option").all_inner_texts()
        for one in [menu]
    ]
    assert len(menus) >= 6
    assert [
        one
        for one in (*menus, *tab.locator("label").evaluate_all("all => all.map((one) => one.firstChild.data)"))
        if one.isascii()
    ] == []
    assert tab.locator("#count").inner_text() == "60 题中的 60 题"
