"""Picks, ties, probability mass and the chi-square of an exam."""

import math

import pytest
from tests.evaluation.desk import CITIES, make_benchmark, ranked

from zhiyin.evaluation.choices import logprobs
from zhiyin.evaluation.exam import Exam, Sheet, diagnose
from zhiyin.evaluation.extract import LETTERS
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


def exam() -> Exam:
    found = make_benchmark({"name": "generated_exam", "protocol": "letter"})
    assert isinstance(found, Exam)
    return found


def prompt(number: int, reference: str = "A", group: str = "g") -> Prompt:
    return Prompt(f"q{number}", text="?", choices=LETTERS, reference=reference, group=group)


def mark(asked: Prompt, answer: Completion) -> Mark:
    (found,) = exam().marks(asked, answer)
    return found


def test_the_most_probable_choice_is_the_answer() -> None:
    asked = prompt(0, "C")
    for picked, letter in enumerate(LETTERS):
        expected = Mark("q0", "accuracy", float(letter == "C"), extracted=letter, group="g")
        assert mark(asked, ranked(asked, picked)) == expected


def test_no_answer_is_wrong_and_unanswered() -> None:
    assert mark(prompt(0), Completion("q0")) == Mark("q0", "accuracy", 0.0, extracted=None, group="g")


def test_log_probabilities_are_checked() -> None:
    asked = prompt(0)
    assert logprobs(asked, Completion("q0")) == ()
    with pytest.raises(ValueError, match="q0: 4 choices, but 2"):
        logprobs(asked, Completion("q0", choice_logprobs=(-1.0, -2.0)))
    with pytest.raises(ValueError, match="q0: log-probabilities must be finite"):
        logprobs(asked, Completion("q0", choice_logprobs=(-1.0, -2.0, math.nan, -1.0)))


def test_diagnosis_by_hand() -> None:
    prompts = [prompt(number, LETTERS[number % 4], "even" if number % 2 == 0 else "odd") for number in range(8)]
    answers = [ranked(asked, 0, mass=0.6) for asked in prompts[:6]]
    answers.append(Completion("q6", choice_logprobs=(-2.0, -1.0, -1.0, -3.0)))
    answers.append(Completion("q7"))
    marks = [mark(asked, answer) for asked, answer in zip(prompts, answers, strict=True)]
    found = diagnose(exam(), Sheet(prompts, answers, marks, 0.25), accuracy=2 / 8)
    assert found is not None
    assert found.predicted == {"A": 6, "B": 1, "C": 0, "D": 0}
    assert found.right == {"A": 2, "B": 2, "C": 2, "D": 2}
    assert found.ties == 1
    assert found.letters
    assert found.chance_corrected == pytest.approx(0)
    last = math.exp(-2) + 2 * math.exp(-1) + math.exp(-3)
    assert found.choice_mass == pytest.approx((6 * 0.6 + last) / 7)
    assert found.unanswered == 1
    # Even questions: 2 of 4 right, 1 expected, variance 0.75; odd ones 0 of the 3 answered, 0.75 expected, 0.5625.
    assert found.degrees == 2
    assert found.chi_square == pytest.approx(1 / 0.75 + 0.75**2 / 0.5625)


def test_ranking_by_tokens_divides_by_their_number() -> None:
    by_tokens = make_benchmark({"name": "generated_exam", "protocol": "answer_text", "normalize": "tokens"})
    summed = make_benchmark({"name": "generated_exam", "protocol": "answer_text"})
    asked = Prompt("q", text="?", choices=("a", "b", "c", "d"), reference="b")
    answer = Completion("q", choice_logprobs=(-2.0, -3.0, -9.0, -9.0), choice_tokens=(1, 3, 1, 1))
    assert [one.extracted for one in summed.marks(asked, answer)] == ["a"]
    assert [one.extracted for one in by_tokens.marks(asked, answer)] == ["b"]


def test_no_diagnosis_without_choices() -> None:
    written = Prompt("q", text="?", reference="北京")
    assert diagnose(exam(), Sheet([written], [Completion("q")], [], 0.25), 0.0) is None


def test_written_answers_are_counted_by_their_letter_too() -> None:
    found = make_benchmark({"name": "generated_exam", "protocol": "generate"})
    assert isinstance(found, Exam)
    said = ["是北京。", "上海。", "我不知道", "答案是上海", "深圳"]
    prompts = [Prompt(f"q{n}", text="?", reference="上海", group="g", meta={"choices": list(CITIES)}) for n in range(5)]
    answers = [Completion(one.id, text=text, stopped="stop") for one, text in zip(prompts, said, strict=True)]
    marks = [next(iter(found.marks(*pair))) for pair in zip(prompts, answers, strict=True)]
    seen = diagnose(found, Sheet(prompts, answers, marks, 0.25), accuracy=0.4)
    assert seen is not None
    assert seen.predicted == {"A": 1, "B": 2, "C": 0, "D": 1}
    assert seen.right == {"A": 0, "B": 5, "C": 0, "D": 0}
    assert (seen.unanswered, seen.choice_mass, seen.ties, seen.letters) == (1, None, 0, False)
    # 2 of the 4 that were read, 1 expected, variance 0.75.
    assert seen.degrees == 1
    assert seen.chi_square == pytest.approx(1 / 0.75)


def test_where_nothing_could_be_read_nothing_speaks_against_guessing() -> None:
    prompts = [prompt(number) for number in range(3)]
    answers = [Completion(one.id) for one in prompts]
    marks = [mark(*pair) for pair in zip(prompts, answers, strict=True)]
    seen = diagnose(exam(), Sheet(prompts, answers, marks, 0.25), accuracy=0.0)
    assert seen is not None
    assert (seen.unanswered, seen.chi_square, seen.degrees, seen.p) == (3, 0.0, 0, 1.0)
