"""The packed items: every prompt, answer and mark is there, and what rose and fell is what the gates say."""

import base64
import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.report.conftest import HOSTILE

from zhiyin.artifacts import CompletionSet, PromptSet, ScoreSet, Verdict
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark
from zhiyin.report import items as items_module
from zhiyin.report.items import Answer, Exam, Item, Marked, Packed, Reply, answer_of, pack, packed_exams
from zhiyin.report.page import Config, page

Row = dict[str, Any]


def opened(packed: Packed) -> list[Row]:
    """Read the items as the page does."""
    found: list[Row] = json.loads(gzip.decompress(base64.b64decode(packed.items)))
    return found


@pytest.fixture(scope="module")
def exams(made: dict[str, Any]) -> dict[str, Packed]:
    found = packed_exams(
        [one for one in made.values() if isinstance(one, CompletionSet)],
        [one for one in made.values() if isinstance(one, ScoreSet)],
        [one for one in made.values() if isinstance(one, Verdict)],
    )
    return {one.exam.label: one for one in found}


def test_every_prompt_is_there_with_every_answer_and_mark(exams: dict[str, Packed], made: dict[str, Any]) -> None:
    assert list(exams) == ["exam_generate", "exam_letter", "exam_text"]
    for label, packed in exams.items():
        items = opened(packed)
        assert [column.model for column in packed.exam.columns] == ["start", "control", "sft", "偏好优化"]
        assert [item["id"] for item in items] == [prompt.id for prompt in made[label]]
        assert packed.exam.total == len(items) == 60
        for place, column in enumerate(packed.exam.columns):
            assert column.folder == made[f"{column.model}_{label}"].path.name
            marks = {(mark.prompt_id, mark.measure): mark for mark in made[f"{column.model}_{label}"].marks}
            said = {one.prompt_id: one for one in made[f"{column.model}_answers"].of(made[label])}
            for item in items:
                answer = item["answers"][place]
                assert answer["replies"][0].get("text", "") == said[item["id"]].text
                for measure, mark in answer["marks"].items():
                    assert mark["value"] == marks.pop((item["id"], measure)).value
            assert marks == {}


def test_what_rose_and_fell_is_what_each_verdict_counts(exams: dict[str, Packed], made: dict[str, Any]) -> None:
    verdicts = [one for one in made.values() if isinstance(one, Verdict)]
    assert len(verdicts) == 3
    for verdict in verdicts:
        assert_flips(verdict, {one.exam.folder: one for one in exams.values()})


def assert_flips(verdict: Verdict, exams: dict[str, Packed]) -> None:
    """Count in the items what rose and fell, and compare with `comparisons.jsonl` and `flipped.jsonl`."""
    sides = [verdict.manifest.inputs[side] for side in ("before", "after")]
    prompts = ScoreSet(verdict.path.parent / sides[0]).manifest.inputs["prompts"]
    places = [[column.folder for column in exams[prompts].exam.columns].index(side) for side in sides]
    flipped = [json.loads(line) for line in (verdict.path / "flipped.jsonl").read_text(encoding="utf-8").splitlines()]
    for comparison in verdict.comparisons:
        rose: set[str] = set()
        fell: set[str] = set()
        for item in opened(exams[prompts]):
            was, now = (item["answers"][place]["marks"][comparison.measure]["value"] for place in places)
            if verdict.manifest.summary["group"] in ("", item.get("group", "")) and now != was:
                (rose if now > was else fell).add(item["id"])
        assert (len(rose), len(fell)) == (comparison.gained, comparison.lost)
        told = {
            one["prompt_id"]: one["after"] for one in flipped if one.get("measure", "accuracy") == comparison.measure
        }
        if told:
            assert {one for one, after in told.items() if after == 1} == rose
            assert {one for one, after in told.items() if after == 0} == fell


def test_several_samples_are_added_up_as_comparisons_do() -> None:
    given = [Completion("p", sample=1, text="b"), Completion("p", text="a")]
    marks = {"nll": [Mark("p", "nll", 2.0, None, weight=1.0), Mark("p", "nll", 4.0, "x", weight=3.0)]}
    answer = answer_of(Prompt("p"), given, marks)
    assert [reply.text for reply in answer.replies] == ["a", "b"]
    assert answer.marks["nll"].value == 3.0 / 2.0
    assert answer.marks["nll"].read == (None, "x")


def test_answers_without_marks_and_models_that_were_not_asked(made: dict[str, Any]) -> None:
    packed = {one.exam.label: one for one in packed_exams([made["sft_answers"]], [made["start_exam_text"]], [])}
    columns = {label: [column.model for column in one.exam.columns] for label, one in packed.items()}
    assert columns["exam_text"] == ["start", "sft"]
    assert columns["exam_letter"] == ["start", "sft"], "the answers behind a score set are there too"
    assert packed["exam_text"].exam.columns[1].measures == ()
    assert packed["exam_text"].exam.columns[1].folder == made["sft_answers"].path.name
    assert "marks" not in opened(packed["exam_text"])[0]["answers"][1]


def test_a_set_that_is_gone_or_too_large_is_named_and_left_out(
    made: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    shutil.copytree(made["page"].path.parent, store)
    (store / made["exam_text"].path.name / "records.jsonl").unlink()
    answers = CompletionSet(store / made["sft_answers"].path.name)
    found = {one.exam.label: one for one in packed_exams([answers], [], [])}
    assert [one.exam.missing for one in found.values()] == ["", "", "gone"]
    assert found["exam_text"].items == ""
    assert found["exam_text"].exam.total == 60
    (tmp_path / "out").mkdir()
    written = page(Config(title="T"), out=tmp_path / "out", runtime=Runtime(), answers={"sft": answers})
    assert "are no longer in the store" in (written.path / "items.html").read_text(encoding="utf-8")
    monkeypatch.setattr(items_module, "MOST_BYTES", 1000)
    assert {one.exam.missing for one in packed_exams([answers], [], [])} == {"large"}


def test_nothing_of_a_record_stands_in_the_file_as_it_is(made: dict[str, Any]) -> None:
    html = (made["page"].path / "items.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert "onerror" not in html
    assert html.count("<script") == 3 + 4
    assert HOSTILE in json.dumps([opened(one) for one in packed_exams([made["sft_answers"]], [], [])])


def test_a_page_without_answers_has_no_items(made: dict[str, Any], tmp_path: Path) -> None:
    written = page(Config(title="T"), out=tmp_path, runtime=Runtime(), data={"raw": made["raw"]})
    assert "No model was asked anything" in (written.path / "items.html").read_text(encoding="utf-8")
    assert packed_exams([], [], []) == []


def test_the_same_items_give_the_same_bytes(exams: dict[str, Packed], made: dict[str, Any]) -> None:
    again = packed_exams([made[f"{one}_answers"] for one in ("start", "control", "sft", "偏好优化")], [], [])
    twice = packed_exams([made[f"{one}_answers"] for one in ("start", "control", "sft", "偏好优化")], [], [])
    assert again == twice
    assert isinstance(exams["exam_text"].exam, Exam)
    assert isinstance(made["exam_text"], PromptSet)


def test_ten_thousand_items_of_three_models_are_a_few_megabytes() -> None:
    rng = random.Random(0)
    words = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少床前明月光疑是地上霜"

    def answer() -> Answer:
        reply = Reply("".join(rng.choices(words, k=80)), tuple(round(-20 * rng.random(), 4) for _ in range(4)))
        return Answer((reply,), {"accuracy": Marked(float(rng.random() > 0.5), (rng.choice("ABCD"),))})

    turns = [(Message("user", "".join(rng.choices(words, k=60))),) for _ in range(10_000)]
    items = [Item(f"q{n}", (answer(), answer(), answer()), messages=asked) for n, asked in enumerate(turns)]
    assert len(pack(items)) < 6_000_000, "random text, which no text of a model is"
