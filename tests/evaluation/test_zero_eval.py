"""ZeroEval's prompt down to its spaces, and answers as models really write them."""

import pytest

from zhiyin.evaluation import zero_eval

OPEN = (
    "## Question: \n\nHow many?\n\n\n## Instruction \n\n"
    "Please answer this question by first reasoning and then providing your answer.\n"
    "Present your reasoning and solution in the following json format. \n"
    'Please show your final answer in the `answer` field, e.g.,`"answer": "42"`.\n\n'
    '```json\n{\n    "reasoning": "___",\n    "answer": "___"\n}\n```'
)


def test_the_open_question_is_that_of_a_published_request() -> None:
    assert zero_eval.asked("How many?") == OPEN


def test_choices_stand_between_question_and_instruction() -> None:
    found = zero_eval.asked("Which?", ("one", "two", "three", "four"))
    assert "Which?\n\n## Choices:\n\n- (A) one\n- (B) two\n- (C) three\n- (D) four\n\n\n## Instruction \n\n" in found
    assert 'with only the choice letter, e.g.,`"answer": "C"`.\n\n```json' in found
    assert "selecting the correct choice.\n" in found


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ('{"reasoning": "16-3", "answer": "13"}', "16-3", "13"),
        ('Sure!\n```json\n{\n  "reasoning": "a\nb",\n  "answer": 18\n}\n```\nDone {x}', "ab", "18"),
        ('{"reasoning": "set {1, 2}", "answer": "2"}', "set {1, 2}", "2"),
        ('{"reasoning": "he said "no"", "answer": "7"}', "he said ", "7"),
        ('{"reasoning": "cut off, "answer": "7"', "cut off, ", "7"),
        ('{"reasoning": r, "answer": 7 }', "r", "7"),
        ("reasoning: short\nanswer: 5 apples", "short", "5"),
        ('{"answer": null, "reasoning": "x"}', "x", None),
        ("I do not know.", None, None),
        ('["reasoning", "answer"]', None, None),
        ("", None, None),
    ],
)
def test_an_answer_is_read_as_far_as_it_can_be(text: str, reasoning: str | None, answer: str | None) -> None:
    found = zero_eval.read(text)
    assert (found.get("reasoning"), found.get("answer")) == (reasoning, answer)


@pytest.mark.parametrize(
    ("text", "value"),
    [("$1,234.50 a day", 1234.5), ("-3", -3.0), ("18 of 20", 18.0), ("none", None), ("", None), ("5.", 5.0)],
)
def test_the_first_number(text: str, value: float | None) -> None:
    assert zero_eval.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("C", "C"), ("(C) three", "C"), ("C) three", "C"), ("c", None), ("C three", None), ("", None), ("E", None)],
)
def test_the_letter(text: str, value: str | None) -> None:
    assert zero_eval.letter(text) == value
