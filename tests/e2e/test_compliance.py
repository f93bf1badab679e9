"""System 002's compliance pairs from the real exam: its counts, with the right letters."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.data.stand_ins import made, replied

from zhiyin.artifacts import PreferenceSet, PromptSet
from zhiyin.data import compliance_pairs
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.recipe.wiring import load_recipe

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TRAIN, VALIDATION = 1107, 238
"""Document 002, item 002-39: of 1,346 questions one was answered with the letter alone."""


@pytest.mark.skipif(not SHARED.is_dir(), reason="there is no ../shared/data")
def test_parts_of_the_real_exam_are_as_large_as_in_the_document(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    steps = load_recipe(Path("recipes/data/compliance.yaml")).steps
    runtime = Runtime(store=tmp_path / "store")
    asked: PromptSet = made(steps["asked"], runtime)
    answers = {prompt.id: prompt.reference for prompt in asked}
    replies = {key: f"答案是{'B' if answer == 'A' else 'A'}，因为如此。" for key, answer in answers.items()}
    sizes = Counter(prompt.group for prompt in asked)
    # The document does not name that question; its counts are those of a subject whose questions are a multiple of 5.
    replies[next(prompt.id for prompt in asked if sizes[prompt.group] % 5 == 0)] = " C\n"
    inputs: dict[str, Any] = {
        "prompts": steps["asked"],
        "completions": replied(steps["asked"], replies),
        "protected": {"ceval_test": steps["ceval_test"], "cmmlu": steps["cmmlu"]},
    }
    config = steps["all_pairs"].config
    pairs: PreferenceSet = made(step(compliance_pairs.compliance_pairs, config, inputs), runtime)
    assert pairs.summary["parts"] == {"compliant": 1, "train": TRAIN, "validation": VALIDATION}
    assert pairs.summary["exam"]["split"] == "val"
    assert all(pair.chosen == answers[pair.id] for pair in pairs)
    assert all(pair.rejected == replies[pair.id] for pair in pairs)
