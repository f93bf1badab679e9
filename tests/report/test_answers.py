"""Which prompts are shown, and what stands beside each answer."""

from typing import Any

import pytest

from zhiyin.records.prompt import Completion
from zhiyin.records.score import Mark
from zhiyin.report.answers import Reply, sheets


@pytest.mark.parametrize(
    ("samples", "places"), [(1, [30]), (3, [10, 30, 50]), (60, list(range(60))), (99, list(range(60)))]
)
def test_prompts_are_spread_evenly_whatever_was_answered(made: dict[str, Any], samples: int, places: list[int]) -> None:
    for answers in ([made["start_answers"]], [made["sft_answers"], made["start_answers"]]):
        sheet = sheets(answers, [], samples)[0]
        assert [question.prompt.id for question in sheet.questions] == [f"q{place}" for place in places]
        assert sheet.total == 60


def test_answers_without_a_score_set_are_shown_unmarked(made: dict[str, Any]) -> None:
    (_, _, text) = sheets([made["sft_answers"]], [made["start_exam_text"]], 2)
    assert text.benchmark == "exam_text"
    replies = [question.replies[0] for question in text.questions]
    assert [(reply.right, reply.marks) for reply in replies] == [(None, ()), (None, ())]
    assert all(reply.completion.choice_logprobs[reply.picked or 0] == -2.0 for reply in replies)


def test_marks_are_those_of_the_same_answers_to_the_same_prompts(made: dict[str, Any]) -> None:
    scores = [made[f"{model}_{exam}"] for model in ("start", "sft") for exam in ("exam_text", "exam_letter")]
    for sheet in sheets([made["start_answers"], made["sft_answers"]], scores, 60):
        if sheet.benchmark == "exam_generate":
            continue
        marked = {
            model: {mark.prompt_id: mark for mark in made[f"{model}_{sheet.benchmark}"].marks}
            for model in ("start", "sft")
        }
        for question in sheet.questions:
            assert [reply.model for reply in question.replies] == ["start", "sft"]
            assert [reply.marks[0] for reply in question.replies] == [
                marked[model][question.prompt.id] for model in ("start", "sft")
            ]


@pytest.mark.parametrize(
    ("measure", "value", "right"),
    [("accuracy", 1, True), ("reward_accuracy", 0, False), ("reward_accuracy", 0.5, None), ("characters", 1, None)],
)
def test_only_an_accuracy_says_right_or_wrong(measure: str, value: float, right: bool | None) -> None:
    mark = Mark("q", measure, value, extracted="甲")
    reply = Reply("m", Completion("q"), (mark,), None)
    assert reply.right is right
    assert reply.read == ("甲" if measure == "accuracy" else None)


def test_no_answers_make_no_sheet() -> None:
    assert sheets([], [], 4) == []
