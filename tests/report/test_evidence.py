"""Every number leads to its step, to how it came about, and to the items it is made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest

from zhiyin.artifacts import CompletionSet, ScoreSet, Verdict
from zhiyin.report.evidence import Evidence, address, evidence
from zhiyin.report.history import history
from zhiyin.report.items import packed_exams

Element = ElementTree.Element


@pytest.fixture(scope="module")
def behind(made: dict[str, Any]) -> dict[str, Evidence]:
    """Return what stands behind each step, by label."""
    exams = packed_exams(
        [one for one in made.values() if isinstance(one, CompletionSet)],
        [one for one in made.values() if isinstance(one, ScoreSet)],
        [one for one in made.values() if isinstance(one, Verdict)],
    )
    nodes = history(one for label, one in made.items() if label != "page")
    found = evidence(nodes, [one.exam for one in exams])
    return {label: found[one.path.name] for label, one in made.items() if label != "page"}


def links(element: Element, inside: str = "") -> Iterator[tuple[str, Element]]:
    """Yield every `data` element with the address of the link it sits in; empty when it sits in none."""
    for child in element:
        here = child.attrib["href"] if child.tag == "a" else inside
        if child.tag == "data":
            yield here, child
        yield from links(child, here)


def filters(link: str) -> dict[str, str]:
    page, _, fragment = link.partition("#")
    assert page == "items.html"
    return dict(parse_qsl(fragment))


def test_an_address_names_the_filters_and_leaves_out_what_is_empty() -> None:
    assert filters(address("prepare-1", answers="score-2", group="", show="wrong")) == {
        "prompts": "prepare-1",
        "answers": "score-2",
        "show": "wrong",
    }
    assert filters(address("p", group="历史 & 哲学"))["group"] == "历史 & 哲学"
    assert "group" not in filters(address("p", group="category/STEM")), "no prompt carries the name of an average"


def test_every_number_of_the_page_is_a_link_into_it_or_to_items(html: str, made: dict[str, Any]) -> None:
    root = ElementTree.fromstring(html)
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    folders = {one.path.name for one in made.values()}
    found = 0
    for section in root.iter("section"):
        if section.attrib["id"] == "answers":
            continue
        for link, number in links(section):
            found += 1
            assert link, f"{number.attrib['value']} in {section.attrib['id']} leads nowhere"
            if link.startswith("#"):
                assert link[1:] in ids
            elif "#" in link:
                assert {filters(link)[name] for name in ("prompts", "answers") if name in filters(link)} <= folders
    assert found > 400


def test_each_sampled_question_leads_to_its_item(html: str, made: dict[str, Any]) -> None:
    root = ElementTree.fromstring(html)
    questions = root.findall(".//article[@class='question']")
    assert len(questions) == 12
    for question in questions:
        link = question.findall(".//p[@class='where']/a")[0]
        assert filters(link.attrib["href"])["item"] == link.text
        assert filters(link.attrib["href"])["prompts"] in {
            made[f"exam_{one}"].path.name for one in ("text", "letter", "generate")
        }


def test_a_score_knows_its_protocol_and_who_answered_how(behind: dict[str, Evidence], made: dict[str, Any]) -> None:
    score = behind["sft_exam_text"]
    assert score.protocol == "generated_exam, protocol text"
    assert score.model == made["sft"].path.name
    assert "skill 0.8" in score.decoding
    (way,) = score.ways
    assert way.name == "accuracy"
    assert [show for show, _ in way.links] == ["all", "right", "wrong", "unanswered"]
    assert filters(dict(way.links)["wrong"]) == {
        "prompts": made["exam_text"].path.name,
        "answers": made["sft_exam_text"].path.name,
        "measure": "accuracy",
        "show": "wrong",
    }
    assert [way.name for way in behind["sft_exam_generate"].ways] == ["accuracy", "characters"]
    assert behind["raw"] == Evidence("", "", "", "", (), behind["raw"].readers)
    assert made["sft"].path.name in behind["raw"].readers


def test_a_verdict_leads_to_what_rose_and_fell(behind: dict[str, Evidence], made: dict[str, Any]) -> None:
    (way,) = behind["start_to_sft"].ways
    assert [show for show, _ in way.links] == ["rose", "fell", "unchanged"]
    wanted = filters(dict(way.links)["fell"])
    assert wanted["before"] == made["start_exam_text"].path.name
    assert wanted["answers"] == made["sft_exam_text"].path.name
    assert behind["start_to_sft"].protocol == "generated_exam, protocol text"
    assert behind["start_to_sft"].model == "", "two models answered"


def test_answers_and_prompts_lead_to_all_their_items(behind: dict[str, Evidence], made: dict[str, Any]) -> None:
    assert [way.name for way in behind["sft_answers"].ways] == ["exam_generate", "exam_letter", "exam_text"]
    assert filters(behind["sft_answers"].ways[2].links[0][1])["answers"] == made["sft_exam_text"].path.name
    (way,) = behind["exam_letter"].ways
    assert filters(way.links[0][1]) == {"prompts": made["exam_letter"].path.name}
    assert Path(made["exam_letter"].path).is_dir()
