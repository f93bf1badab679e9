"""From prompts and answers to marks, scores and their overview, through the real runner."""

import json
from pathlib import Path

import pytest
from tests.evaluation.desk import Desk, chance, given, question, subject_files

from zhiyin.artifacts import ScoreSet
from zhiyin.evaluation.significance import wilson
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference
from zhiyin.records.score import Overview

QUESTIONS = [question(number, kind) for kind in ("capital", "sum") for number in range(100)]
LETTER = {"name": "generated_exam", "protocol": "letter"}


def overview(scores: ScoreSet) -> Overview:
    return scores.overview


def test_accuracy_of_every_protocol_is_the_skill_of_the_answerer(desk: Desk) -> None:
    known = sum(chance(record.id) < 0.6 for record in QUESTIONS)
    for protocol in ("answer_text", "letter", "generate"):
        prompts = desk.prepared({**LETTER, "protocol": protocol}, given(QUESTIONS))
        scores = desk.run(desk.scored(prompts, "skilled", 0.6))
        whole = next(iter(scores.scores))
        assert (whole.measure, whole.group, whole.count) == ("accuracy", "", 200)
        assert whole.mean == pytest.approx(known / 200)
        assert (whole.low, whole.high) == pytest.approx(tuple(wilson(known, 200)))
        assert whole.unanswered == (200 - known if protocol == "generate" else 0)
        assert sum(mark.value for mark in scores.marks if mark.measure == "accuracy") == known
        assert [one.group for one in scores.scores if one.measure == "accuracy"] == ["", "capital", "sum"]


def test_generate_measures_length_and_stopping_too(desk: Desk) -> None:
    prompts = desk.prepared({**LETTER, "protocol": "generate"}, given(QUESTIONS))
    found = overview(desk.run(desk.scored(prompts, "skilled", 1.0)))
    assert list(found.measures) == ["accuracy", "characters", "stopped"]
    assert found.measures["characters"].mean == len("答案是北京。")
    assert found.measures["stopped"].mean == 1.0
    assert found.exam is not None
    assert found.exam.choice_mass is None
    assert found.exam.predicted == found.exam.right == {"A": 50, "B": 50, "C": 50, "D": 50}
    assert found.warnings == ()


def test_a_letter_score_without_letters_in_the_answers_warns(desk: Desk) -> None:
    found = overview(desk.run(desk.scored(desk.prepared(LETTER, given(QUESTIONS)), "even", 0.04)))
    assert found.exam is not None
    assert found.exam.choice_mass == pytest.approx(0.04)
    assert found.exam.ties == 200
    assert found.exam.predicted == {"A": 200, "B": 0, "C": 0, "D": 0}
    assert found.measures["accuracy"].mean == 0.25
    mismatch, at_chance, ties = found.warnings
    assert mismatch.startswith("format mismatch: the score measures formatting")
    assert at_chance.startswith("at chance")
    assert ties.startswith("200 exact ties")


def test_the_mass_of_answer_texts_and_a_clear_accuracy_warn_of_nothing(desk: Desk) -> None:
    prompts = desk.prepared({**LETTER, "protocol": "answer_text"}, given(QUESTIONS))
    assert overview(desk.run(desk.scored(prompts, "constant", 0))).warnings[0].startswith("at chance")
    found = overview(desk.run(desk.scored(prompts, "skilled", 0.9)))
    assert found.warnings == ()
    assert found.exam is not None
    assert not found.exam.letters
    assert found.exam.chance_corrected == pytest.approx((found.measures["accuracy"].mean - 0.25) / 0.75)


def test_silence_and_truncation_are_counted(desk: Desk) -> None:
    prompts = desk.prepared(LETTER, given(QUESTIONS))
    silent = overview(desk.run(desk.scored(prompts, "silent")))
    assert (silent.measures["accuracy"].mean, silent.measures["accuracy"].unanswered) == (0.0, 200)
    assert silent.warnings[0] == "accuracy: 200 of 200 answers could not be read and count as wrong"
    cut = overview(desk.run(desk.scored(prompts, "cut")))
    assert cut.truncated == 200
    assert cut.warnings[0] == "200 prompts were longer than the model takes and lost their head"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("absent", r"missing or repeated answers to capital-0 \(asked for 1, got samples \[\]\).* and 190 more"),
        ("twice", r"missing or repeated answers to capital-0 \(asked for 1, got samples \[0, 0\]\)"),
        ("stranger", "answers to unknown prompts stranger"),
    ],
)
def test_answers_must_fit_the_prompts(desk: Desk, rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        desk.run(desk.scored(desk.prepared(LETTER, given(QUESTIONS)), rule))


def test_answers_to_other_prompts_are_refused(desk: Desk) -> None:
    prompts = desk.prepared(LETTER, given(QUESTIONS))
    other = desk.answered(desk.prepared(LETTER, given(QUESTIONS[:3])), "constant")
    target = desk.scored(prompts, "constant")
    object.__setattr__(target, "inputs", {"prompts": prompts, "completions": other})
    with pytest.raises(ValueError, match="holds no answers to"):
        desk.run(target)


def test_a_reference_is_given_exactly_when_the_benchmark_reads_one(desk: Desk) -> None:
    pair = Preference("p", (Message("user", "问"),), "好", "坏", "test")
    prompts = desk.prepared({"name": "preference"}, given([pair]))
    with pytest.raises(ValueError, match="the benchmark preference needs `reference`"):
        desk.run(desk.scored(prompts, "leaning", 1.0))
    exam = desk.prepared(LETTER, given(QUESTIONS))
    with pytest.raises(ValueError, match="the benchmark generated_exam reads none"):
        desk.run(desk.scored(exam, "constant", 0, reference=desk.answered(exam, "constant", 1)))


def test_the_protocol_tells_prompts_and_ways_of_answering_apart(desk: Desk) -> None:
    first = desk.prepared(LETTER, given(QUESTIONS))
    second = desk.prepared({**LETTER, "protocol": "answer_text"}, given(QUESTIONS))
    one = overview(desk.run(desk.scored(first, "constant", 0)))
    other = overview(desk.run(desk.scored(first, "constant", 1)))
    third = overview(desk.run(desk.scored(second, "constant", 0)))
    assert one.prompts_hash == other.prompts_hash != third.prompts_hash
    assert len({one.protocol, other.protocol, third.protocol}) == 3


def test_marking_again_needs_neither_the_benchmarks_files_nor_a_model(desk: Desk, tmp_path: Path) -> None:
    folder = subject_files(tmp_path / "cmmlu", {"agronomy": ["一,a,b,c,d,B"], "anatomy": ["二,a,b,c,d,A"]})
    prompts = desk.prepared({"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "anatomy"]})
    answers = desk.scored(prompts, "constant", 1)
    desk.run(prompts)
    for file in folder.rglob("*.csv"):
        file.unlink()
    scores = desk.run(answers)
    found = {one.group: one.mean for one in scores.scores}
    assert found == {
        "": 0.5,
        "average/micro": 0.5,
        "category/Other": 1.0,
        "category/STEM": 0.0,
        "agronomy": 1.0,
        "anatomy": 0.0,
    }
    summary = json.loads((scores.path / "manifest.json").read_text(encoding="utf-8"))["summary"]
    assert summary["average"] == "macro"
    assert summary["exam"]["degrees"] == 2
