"""MMLU-Redux on written rows: which questions are asked, and which letter an answer names."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation import zero_eval
from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.records.prompt import Completion

ROW: dict[str, Any] = {"question": "Which?", "choices": ["a", "b", "c", "d"], "answer": 2, "subject": "anatomy"}


def benchmark(folder: Path, *rows: dict[str, Any], **more: int) -> Benchmark:
    file = folder / "redux.jsonl"
    file.write_text("".join(json.dumps(ROW | row) + "\n" for row in rows), encoding="utf-8")
    return make_benchmark({"name": "mmlu_redux", "file": str(file), **more})


def test_sound_and_mended_questions_are_asked(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {},
        {"error_type": "wrong_groundtruth", "correct_answer": "0"},
        {"error_type": "wrong_groundtruth", "correct_answer": None},
        {"error_type": "bad_question_clarity"},
        {"answer": "B", "subject": ""},
    ]
    prompts = list(benchmark(tmp_path, *rows).prompts(None))
    assert [(prompt.id, prompt.reference, prompt.group) for prompt in prompts] == [
        ("mmlu_redux/0", "C", "anatomy"),
        ("mmlu_redux/1", "A", "anatomy"),
        ("mmlu_redux/4", "B", "mmlu_redux"),
    ]
    assert prompts[0].messages[0].content == zero_eval.asked("Which?", ("a", "b", "c", "d"))
    assert not prompts[0].choices
    assert prompts[0].meta == {"question": "Which?", "options": ["a", "b", "c", "d"]}
    assert len(list(benchmark(tmp_path, *rows, limit=2).prompts(None))) == 2


@pytest.mark.parametrize(
    ("text", "value", "read"),
    [
        ('{"reasoning": "so", "answer": "C"}', 1.0, "C"),
        ('{"reasoning": "so", "answer": "(C) c"}', 1.0, "C"),
        ('{"reasoning": "so", "answer": "D"}', 0.0, "D"),
        ('{"reasoning": "so", "answer": "c"}', 0.0, None),
        ("The answer is C.", 0.0, None),
    ],
)
def test_the_letter_counts(tmp_path: Path, text: str, value: float, read: str | None) -> None:
    found = benchmark(tmp_path, {})
    (prompt,) = found.prompts(None)
    marks = {mark.measure: mark for mark in found.marks(prompt, Completion(prompt.id, text=text, stopped="stop"))}
    assert (marks["accuracy"].value, marks["accuracy"].extracted) == (value, read)
    assert ("reasoning_characters" in marks) == (read is not None)
    assert (marks["characters"].value, marks["stopped"].value) == (len(text), 1.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [({"choices": ["a"]}, "expected 4 choices, found 1"), ({"answer": 4}, "place from 0 to 3"), ({"answer": "x"}, "x")],
)
def test_a_broken_row_is_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"redux\.jsonl:2: .*{message}"):
        list(benchmark(tmp_path, {}, row).prompts(None))
