"""What is said of a difference that may come from how the two sides were judged."""

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk
from tests.evaluation.test_win_rate import RULES, by, from_file, rated

from zhiyin.evaluation import gate, win_rate, win_rate_prompts
from zhiyin.evaluation.alpaca_eval import Output, write_records
from zhiyin.evaluation.arena_hard import Answer, Question, write
from zhiyin.evaluation.cautions import otherwise
from zhiyin.execution.step import step


def test_another_judge_is_named_when_two_are_compared(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "arguing again", RULES["arguing"])
    write_records(tmp_path / "outputs.json", [Output(f"第{n}个问题？", "中", "base", "koala") for n in range(4)])
    instructions = desk.prepared({"name": "alpaca_eval", "file": str(tmp_path / "outputs.json")})
    write(tmp_path / "question.jsonl", [Question(str(n), f"难题{n}", "hard_prompt") for n in range(3)])
    turns: list[dict[str, Any]] = [{"role": "assistant", "content": {"answer": "中等的回答"}}]
    write(tmp_path / "base.jsonl", [Answer(str(n), "o3-mini-2025-01-31", turns) for n in range(3)])
    files = {"file": str(tmp_path / "question.jsonl"), "baselines": [str(tmp_path / "base.jsonl")]}
    questions = desk.prepared({"name": "arena_hard", **files})
    first = desk.run(rated(instructions, by("good", instructions), "preferring"))
    same = desk.run(rated(instructions, by("good", instructions), "preferring", resamples=200))
    asked = desk.run(rated(instructions, by("good", instructions), "preferring", seed=1))
    assert list(otherwise(first, same)) == []
    assert list(otherwise(first, asked)) == [
        "judged in another way (questions.seed 0 -> 1): that, too, may make the difference"
    ]
    sides = [rated(questions, by("good", questions), judge) for judge in ("arguing", "arguing again")]
    assert list(otherwise(*map(desk.run, sides))) == [
        "judged in another way (rule arguing -> arguing again): that, too, may make the difference"
    ]
    config = gate.Config(measures=("characters",), expect="any")
    verdict = desk.run(step(gate.gate, config, {"before": sides[0], "after": sides[1]}))
    assert any("judged in another way" in warning for warning in verdict.ruling.warnings)
    shown = step(
        win_rate_prompts.win_rate_prompts,
        win_rate_prompts.Config(model="another name"),
        {"prompts": instructions, "completions": by("bad", instructions)},
    )
    judged = {"judge_prompts": shown, "verdicts": by("preferring", shown)}
    inputs = {"prompts": instructions, "completions": by("bad", instructions), **judged}
    other = desk.run(step(win_rate.win_rate, win_rate.Config(), inputs))
    assert not any("judged" in said for said in otherwise(first, other)), "another model before the same judge"
    words = desk.run(from_file(instructions, by("good", instructions), first.path / "annotations.json"))
    assert list(otherwise(first, words)) == [
        "judged here on one side, by a file of annotations on the other: that, too, may make the difference"
    ]
