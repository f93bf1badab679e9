"""Arena-Hard's prompts, with and without the baselines' answers."""

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation.arena_hard import Answer, Question, write
from zhiyin.evaluation.benchmarks.arena_hard import BASELINES, ArenaHard
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

REAL = Path(__file__).parents[4] / "shared" / "data" / "arena_hard"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real Arena-Hard in ../shared/data/arena_hard")

QUESTIONS = [
    Question("a", "难题", "hard_prompt", subcategory="math"),
    Question("b", "写诗", "creative_writing"),
    Question("c", "旧题", "arena-hard-v0.1", cluster="Poems"),
]


def arena_hard(file: Path, **settings: Any) -> ArenaHard:
    found = make_benchmark({"name": "arena_hard", "file": str(file), **settings})
    assert isinstance(found, ArenaHard)
    return found


def answers(file: Path, model: str, uids: str) -> str:
    write(file, [Answer(uid, model, [{"role": "assistant", "content": {"answer": f"{model}答{uid}"}}]) for uid in uids])
    return str(file)


def test_prompts_name_the_categorys_baseline(tmp_path: Path) -> None:
    write(tmp_path / "question.jsonl", QUESTIONS)
    found = list(arena_hard(tmp_path / "question.jsonl").prompts(None))
    assert found[0] == Prompt(
        "a",
        messages=(Message("user", "难题"),),
        group="hard_prompt",
        meta={"topic": "math", "baseline": "o3-mini-2025-01-31"},
    )
    assert [one.meta["baseline"] for one in found[1:]] == ["gemini-2.0-flash-001", "gpt-4-0314"]
    assert found[2].meta["topic"] == "Poems"
    assert len(list(arena_hard(tmp_path / "question.jsonl", limit=2).prompts(None))) == 2


def test_given_baselines_become_the_references_or_are_missed(tmp_path: Path) -> None:
    write(tmp_path / "question.jsonl", QUESTIONS[:2])
    files = [answers(tmp_path / "o3.jsonl", BASELINES["hard_prompt"], "ab")]
    with pytest.raises(
        ValueError, match=r"question b \(creative_writing\): no answer of gemini-2.0-flash-001; the files"
    ):
        list(arena_hard(tmp_path / "question.jsonl", baselines=files).prompts(None))
    files.append(answers(tmp_path / "gemini.jsonl", BASELINES["creative_writing"], "b"))
    found = list(arena_hard(tmp_path / "question.jsonl", baselines=files).prompts(None))
    assert [one.reference for one in found] == ["o3-mini-2025-01-31答a", "gemini-2.0-flash-001答b"]


def test_an_unknown_category_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "question.jsonl", [Question("a", "难题", "chess")])
    with pytest.raises(ValueError, match=r"question\.jsonl: question a: unknown category 'chess'"):
        list(arena_hard(tmp_path / "question.jsonl").prompts(None))


def test_length_and_end_are_marked(tmp_path: Path) -> None:
    write(tmp_path / "question.jsonl", QUESTIONS[:1])
    benchmark = arena_hard(tmp_path / "question.jsonl")
    (prompt,) = benchmark.prompts(None)
    length, stopped = benchmark.marks(prompt, Completion("a", text="回答", stopped="stop"))
    assert (length.measure, length.value, stopped.measure, stopped.value) == ("characters", 2.0, "stopped", 1.0)


@real
def test_the_real_benchmarks_are_whole() -> None:
    folder = REAL / "arena-hard-v0.1"
    first = list(
        arena_hard(folder / "question.jsonl", baselines=[str(folder / "model_answer" / "gpt-4-0314.jsonl")]).prompts(
            None
        )
    )
    assert (len(first), {one.group for one in first}) == (500, {"arena-hard-v0.1"})
    assert all(one.reference for one in first)
    second = list(arena_hard(REAL / "arena-hard-v2.0" / "question.jsonl").prompts(None))
    assert len({one.id for one in second}) == 750
    assert {one.meta["topic"] for one in second} == {"coding", "math", "creative_writing"}
