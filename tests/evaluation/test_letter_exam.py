"""Asking under every protocol, turned options, and what becomes of the answers in a score."""

import math
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark, ranked, subject_files

from zhiyin.evaluation.exam import Exam
from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.letter_exam import LetterExam
from zhiyin.evaluation.protocols import llamafactory
from zhiyin.evaluation.protocols.known import PROTOCOLS
from zhiyin.evaluation.subjects import CMMLU
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

ROWS = [f"问题{number},甲{number},乙{number},丙{number},丁{number},{LETTERS[number % 4]}" for number in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return subject_files(tmp_path / "cmmlu", {"agronomy": ROWS, "arts": ROWS[:4]})


def exam(folder: Path, **settings: Any) -> LetterExam:
    found = make_benchmark({"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"], **settings})
    assert isinstance(found, LetterExam)
    return found


def marked(benchmark: LetterExam, prompts: list[Prompt], answers: list[Completion]) -> list[list[Mark]]:
    return [list(benchmark.marks(prompt, one)) for prompt, one in zip(prompts, answers, strict=True)]


def test_the_average_is_the_protocols(folder: Path) -> None:
    assert {name: exam(folder, protocol=name).average for name in PROTOCOLS} == {
        "official": "macro",
        "harness": "micro",
        "llamafactory": "micro",
        "opencompass": "macro",
        "generate": "macro",
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_asks_the_same_questions_under_the_same_ids(folder: Path, protocol: str) -> None:
    shots = 0 if protocol == "llamafactory" else 1
    prompts = list(exam(folder, protocol=protocol, shots=shots).prompts(None))
    plain = list(exam(folder).prompts(None))
    assert [(one.id, one.reference, one.group) for one in prompts] == [
        (one.id, one.reference, one.group) for one in plain
    ]


@pytest.mark.parametrize(
    ("protocol", "chat", "only"),
    [("official", True, "as raw text"), ("opencompass", True, "as raw text"), ("generate", False, "in chat form")],
)
def test_a_form_that_a_protocol_does_not_have_is_refused(folder: Path, protocol: str, chat: bool, only: str) -> None:
    with pytest.raises(ValueError, match=f"the protocol {protocol} asks {only} only"):
        exam(folder, protocol=protocol, chat=chat)


def test_chat_chooses_the_form(folder: Path) -> None:
    assert next(exam(folder, protocol="harness").prompts(None)).text is not None
    assert next(exam(folder, protocol="harness", chat=True).prompts(None)).messages[0].role == "system"
    assert next(exam(folder, protocol="llamafactory").prompts(None)).messages
    assert next(exam(folder, protocol="llamafactory", chat=False).prompts(None)).add_bos is False


def test_llamafactory_draws_the_shots_of_the_whole_exam_even_for_a_part_of_it(tmp_path: Path) -> None:
    sizes = {subject.name: 2 + number % 3 for number, subject in enumerate(CMMLU)}
    folder = subject_files(tmp_path / "all", {name: ROWS[:size] for name, size in sizes.items()})
    settings = {"protocol": "llamafactory", "shots": 2}
    whole = {one.id: one for one in exam(folder, **settings, subjects=[]).prompts(None)}
    part = list(exam(folder, **settings, subjects=["clinical_knowledge", "arts"], limit_per_subject=1).prompts(None))
    assert part == [whole["arts/test/0"], whole["clinical_knowledge/test/0"]]
    draws = llamafactory.Draws()
    for name in llamafactory.order("cmmlu", list(sizes)):
        for number in range(sizes[name]):
            order = draws.next(sizes[name])
            shown = [one.content for one in whole[f"{name}/test/{number}"].messages if one.role == "user"]
            assert [ROWS[place][:3] in text for place, text in zip(order[:2], shown, strict=False)] == [True, True]


def test_llamafactory_needs_every_file_to_draw(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"anatomy\.csv is missing"):
        list(exam(folder, protocol="llamafactory", shots=1).prompts(None))


def test_llamafactorys_shots_can_stand_still(folder: Path) -> None:
    settings = {"protocol": "llamafactory", "shots": 2}
    for benchmark in (
        exam(folder, **settings, fixed_shots=True),
        exam(folder, **settings, fixed_shots=True, chat=False),
    ):
        heads: dict[str, set[str]] = {}
        for one in benchmark.prompts(None):
            text = one.text if one.text is not None else "\n\n".join(turn.content for turn in one.messages)
            heads.setdefault(one.group, set()).add(text.rpartition("\n\n")[0])
        assert {group: len(texts) for group, texts in heads.items()} == {"agronomy": 1, "arts": 1}
        assert all(ROWS[0][:3] in text and ROWS[1][:3] in text for texts in heads.values() for text in texts)


def test_only_shots_that_are_drawn_can_be_told_to_stand_still(folder: Path) -> None:
    with pytest.raises(ValueError, match="fixed_shots: the protocol official has fixed shots anyway"):
        exam(folder, fixed_shots=True)


def test_turned_questions_follow_theirs_and_say_so(folder: Path) -> None:
    benchmark = exam(folder, rotations=2, shots=1)
    prompts = list(benchmark.prompts(None))
    assert len(prompts) == 10 + 2 * 3
    turned = [one for one in prompts if "@" in one.id]
    assert [one.id[-1] for one in turned] == ["1", "2", "3"] * 2
    assert [one for one in prompts if one not in turned] == list(exam(folder, shots=1).prompts(None))
    for number, one in enumerate(prompts):
        if one.id.endswith("@1"):
            before = prompts[number - 1]
            assert one.id == f"{before.id}@1"
            assert one.group == before.group
            assert benchmark.kind(one) == "turned" != benchmark.kind(before)
            first, second = (text.rpartition("题目：")[2] for text in (before.text or "", one.text or ""))
            options = [line[3:] for line in first.splitlines()[1:5]]
            assert [line[3:] for line in second.splitlines()[1:5]] == options[1:] + options[:1]
            shots = {text.rpartition("题目：")[0] for text in (before.text or "", one.text or "")}
            assert len(shots) == 1
    other = [one.id for one in exam(folder, rotations=2, shots=1, seed=5).prompts(None) if "@" in one.id]
    assert other != [one.id for one in turned]


def test_too_many_rotations_are_an_error(folder: Path) -> None:
    with pytest.raises(ValueError, match="rotations: 11 questions wanted, the exam asks 10"):
        list(exam(folder, rotations=11).prompts(None))


def test_following_content_or_letter_by_hand(folder: Path) -> None:
    """One question by content, one by letter, one that cannot be read when turned by 1, all others right."""
    benchmark = exam(folder, rotations=10)
    prompts = list(benchmark.prompts(None))

    def answered(prompt: Prompt) -> Completion:
        if prompt.id.startswith("agronomy/test/1"):
            return ranked(prompt, 2)
        if prompt.id == "agronomy/test/2@1":
            return Completion(prompt.id)
        return ranked(prompt, LETTERS.index(prompt.reference))

    marks = marked(benchmark, prompts, [answered(prompt) for prompt in prompts])
    found = {(one.prompt_id, one.measure): one.value for one in benchmark.across(prompts, marks)}
    assert len(found) == 20
    assert found["agronomy/test/0", "follows_content"] == 1
    assert found["agronomy/test/0", "follows_position"] == 0
    assert found["agronomy/test/1", "follows_content"] == 0
    assert found["agronomy/test/1", "follows_position"] == 1
    assert found["agronomy/test/2", "follows_content"] == pytest.approx(2 / 3)
    assert found["agronomy/test/2", "follows_position"] == 0


def test_turned_questions_do_not_touch_the_accuracy(desk: Desk, folder: Path) -> None:
    settings = {"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"]}
    plain = desk.run(desk.scored(desk.prepared(settings), "constant", 1))
    turned = desk.run(desk.scored(desk.prepared({**settings, "rotations": 4}), "constant", 1))
    assert [one for one in turned.scores if one.measure == "accuracy"] == list(plain.scores)
    overview = turned.overview
    assert overview.exam == plain.overview.exam
    assert overview.exam is not None
    assert overview.exam.predicted == {"A": 0, "B": 10, "C": 0, "D": 0}
    assert list(overview.measures) == ["accuracy", "turned_accuracy", "follows_content", "follows_position"]
    assert (overview.measures["follows_content"].mean, overview.measures["follows_position"].mean) == (0, 1)
    assert overview.measures["turned_accuracy"].count == 12
    assert overview.warnings[0].startswith("option order decides: with options turned, the answer follows the content")
    assert overview.warnings[0].endswith("in 0% and the letter in 100% of cases")
    knowing = desk.run(desk.scored(desk.prepared({**settings, "rotations": 4}), "skilled", 1)).overview
    assert knowing.measures["follows_content"].mean == 1
    assert not [warning for warning in knowing.warnings if warning.startswith("option order")]


@pytest.mark.parametrize("protocol", ["official", "harness", "llamafactory", "opencompass"])
def test_guards_see_letters_whatever_stands_for_them(desk: Desk, folder: Path, protocol: str) -> None:
    settings = {"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"], "protocol": protocol}
    found = desk.run(desk.scored(desk.prepared(settings), "constant", 2)).overview
    assert found.exam is not None
    assert found.exam.predicted == {"A": 0, "B": 0, "C": 10, "D": 0}
    assert found.exam.right == {"A": 3, "B": 3, "C": 2, "D": 2}
    assert found.exam.letters == (protocol != "opencompass")
    assert found.average == exam(folder, protocol=protocol).average


def test_both_averages_and_all_categories_whatever_the_protocol(desk: Desk, folder: Path) -> None:
    """Constant B: 2 of 6 right in agronomy, 1 of 4 in arts."""
    settings = {"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"]}
    groups = {
        name: {one.group: one.mean for one in desk.run(desk.scored(desk.prepared(given), "constant", 1)).scores}
        for name, given in (("macro", settings), ("micro", {**settings, "protocol": "harness"}))
    }
    assert groups["macro"][""] == pytest.approx(groups["micro"]["average/macro"])
    assert groups["micro"][""] == pytest.approx(groups["macro"]["average/micro"])
    assert groups["macro"][""] == pytest.approx((2 / 6 + 1 / 4) / 2)
    assert groups["micro"][""] == pytest.approx(3 / 10)
    assert groups["micro"]["category/Humanities"] == pytest.approx(1 / 4)
    assert groups["micro"]["category/Other"] == pytest.approx(2 / 6)


def test_whole_texts_are_ranked_by_their_mean(folder: Path) -> None:
    benchmark = exam(folder, protocol="opencompass")
    prompt = next(benchmark.prompts(None))
    answer = Completion(prompt.id, choice_logprobs=(-12.0, -13.0, -20.0, -20.0), choice_tokens=(5, 6, 5, 5))
    assert benchmark.ranked_by(answer)[:2] == pytest.approx((-2.0, -13 / 7))
    (mark,) = benchmark.marks(prompt, answer)
    assert (mark.extracted, mark.value) == ("B", 0.0)


def test_written_answers_are_read_and_never_guessed(folder: Path) -> None:
    benchmark = exam(folder, protocol="generate")
    prompt = next(benchmark.prompts(None))
    texts = {
        "我选A。": ("A", 1.0),
        "A\n": ("A", 1.0),
        "答案是（B）": ("B", 0.0),
        "不知道": (None, 0.0),
        "": (None, 0.0),
    }
    for text, (letter, value) in texts.items():
        first, strict, length, stopped = benchmark.marks(prompt, Completion(prompt.id, text=text, stopped="length"))
        assert (first.measure, first.extracted, first.value) == ("accuracy", letter, value)
        assert (strict.measure, strict.value) == ("strict_compliance", float(text == "A\n"))
        assert (length.measure, length.value, stopped.measure, stopped.value) == ("characters", len(text), "stopped", 0)


def test_written_letters_are_counted(desk: Desk, folder: Path) -> None:
    settings = {"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"], "protocol": "generate"}
    prompts = desk.prepared({**settings, "rotations": 2})
    found = desk.run(desk.scored(prompts, "skilled", 0.5)).overview
    marks = [one for one in desk.run(desk.scored(prompts, "skilled", 0.5)).marks if one.measure == "accuracy"]
    assert found.exam is not None
    assert found.exam.predicted == {letter: sum(one.extracted == letter for one in marks) for letter in "ABCD"}
    assert found.exam.unanswered == sum(one.extracted is None for one in marks) == found.measures["accuracy"].unanswered
    assert 0 < found.exam.unanswered < len(marks)
    assert found.exam.choice_mass is None


def test_mass_is_that_of_the_spaced_letters(desk: Desk, folder: Path) -> None:
    settings = {"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy", "arts"], "protocol": "harness"}
    found = desk.run(desk.scored(desk.prepared(settings), "even", 0.04)).overview
    assert found.exam is not None
    assert found.exam.choice_mass is not None
    assert math.isclose(found.exam.choice_mass, 0.04)
    assert found.warnings[0].startswith("format mismatch")


def test_an_exam_without_turned_questions_adds_no_marks(folder: Path) -> None:
    benchmark = exam(folder)
    prompts = list(benchmark.prompts(None))
    marks = marked(benchmark, prompts, [ranked(prompt, 0) for prompt in prompts])
    assert list(benchmark.across(prompts, marks)) == []
    assert list(Exam().across(prompts, marks)) == []
    assert Exam().files(prompts, marks) == {}
