"""The two recipes from end to end: what is claimed of them holds, and the claims fail when training does nothing.

They run into the checkout's own store, so after `make demo` the first of them only reads it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from zhiyin.artifacts import Page, ScoreSet, Verdict
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.recipe.wiring import load_recipe
from zhiyin.records.score import Comparison, Score

pytestmark = pytest.mark.slow

needs_data = pytest.mark.skipif(
    not (Path(__file__).resolve().parents[3] / "shared" / "data").is_dir(), reason="there is no ../shared/data"
)


@pytest.fixture(autouse=True)
def _in_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


def made(name: str, labels: Sequence[str] = (), overrides: Sequence[str] = ()) -> dict[str, Artifact]:
    """Run a recipe, or only what these labels need, and return its artifacts by label."""
    recipe = load_recipe(Path(f"recipes/{name}.yaml"), overrides)
    targets = [recipe.steps[label] for label in labels or recipe.steps]
    run(targets, Runtime())
    store = Path("store")
    found = {label: recipe.steps[label] for label in labels or recipe.steps}
    return {label: one.produces(store / one.folder) for label, one in found.items()}


def whole(artifact: Any, measure: str) -> Score:
    """Return the score of the whole benchmark."""
    assert isinstance(artifact, ScoreSet)
    return next(score for score in artifact.scores if score.measure == measure and not score.group)


def compared(artifact: Any) -> list[Comparison]:
    """Return what a gate compared."""
    assert isinstance(artifact, Verdict)
    return list(artifact.comparisons)


def passed(artifact: Artifact) -> bool:
    """Tell whether a gate's expectation was met."""
    return bool(artifact.manifest.summary["passed"])


def assert_guessing_is_called_guessing(artifact: Artifact) -> None:
    """Four choices, and a model that cannot know: near a quarter, and called so just when the interval holds it."""
    accuracy = whole(artifact, "accuracy")
    assert 0.18 < accuracy.mean < 0.32
    said = "at chance" in " ".join(artifact.manifest.summary["warnings"])
    assert said == (accuracy.low <= 0.25 <= accuracy.high)


GATES = (
    "sft_beats_base_text",
    "sft_beats_base_generate",
    "sft_beats_control_text",
    "sft_beats_control_generate",
    "dpo_prefers_better",
    "dpo_is_briefer",
    "dpo_forgets_nothing_text",
    "dpo_forgets_nothing_generate",
)


def test_tiny_gains_what_it_claims() -> None:
    found = made("tiny")
    assert {label for label, artifact in found.items() if isinstance(artifact, Verdict)} == set(GATES)
    assert [label for label in GATES if not passed(found[label])] == []
    for label in ("sft_beats_base_text", "sft_beats_control_text", "sft_beats_control_generate"):
        (comparison,) = compared(found[label])
        assert comparison.low > 0.1, label
        assert comparison.count >= 500
    assert whole(found["base_text"], "accuracy").low < 0.3
    assert whole(found["sft_text"], "accuracy").low > 0.45
    assert whole(found["expert_preference"], "reward_accuracy").low > 0.7
    parameters = next(artifact for label, artifact in found.items() if label == "seedling").manifest.summary[
        "parameters"
    ]
    assert 1e6 < parameters < 8e6
    (page,) = (artifact for artifact in found.values() if isinstance(artifact, Page))
    text = (page.path / "page.html").read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert all(label in text for label in (*GATES, "seedling", "tokenizer", "questions"))


def test_the_letters_are_at_chance_and_the_score_says_that_it_measures_formatting() -> None:
    scores = made("tiny", ["base_letter", "sft_letter"])
    for artifact in scores.values():
        assert "format mismatch" in " ".join(artifact.manifest.summary["warnings"])
        assert_guessing_is_called_guessing(artifact)


@pytest.mark.parametrize("nothing", ["dpo.learning_rate=0", "dpo.objective.beta=0"])
def test_without_learning_rate_or_beta_the_claims_about_dpo_fail(nothing: str) -> None:
    """The adapter itself answers, because a merge refuses one that changes nothing."""
    overrides = [nothing, "expert_answers.model=dpo"]
    found = made("tiny", ["dpo_prefers_better", "dpo_is_briefer", "expert_preference"], overrides)
    assert not passed(found["dpo_prefers_better"])
    assert not passed(found["dpo_is_briefer"])
    assert whole(found["expert_preference"], "reward_accuracy").mean == 0.5


@needs_data
def test_the_real_recipe_lowers_perplexity_and_says_where_it_guesses() -> None:
    found = made("tiny-real")
    assert passed(found["pretraining_lowers_perplexity"])
    assert passed(found["tuning_lowers_perplexity"])
    assert found["mixed"].manifest.summary["records"] >= 5000
    assert len(found["mixed"].manifest.summary["sources"]) == 4
    cmmlu = found["cmmlu"].manifest.summary
    assert cmmlu["prompts"] >= 1000
    assert len(cmmlu["groups"]) >= 20
    for label in ("base_cmmlu", "sft_cmmlu", "expert_cmmlu"):
        assert_guessing_is_called_guessing(found[label])
    perplexities = [whole(found[f"{model}_perplexity"], "perplexity").mean for model in ("seedling", "base", "sft")]
    assert perplexities == sorted(perplexities, reverse=True)
