"""Every recipe in `recipes/` loads and wires."""

from pathlib import Path

import pytest
from tests.house.tree import ROOT

from zhiyin.execution.step import in_order
from zhiyin.recipe.wiring import load_recipe

RECIPES = ("judge", "tiny", "tiny-real")
CHAIN = {"train", "merge", "score", "gate", "page"}
KINDS = {"judge": {"prepare", "answer", "judge", "review", "score", "gate", "page"}, "tiny": CHAIN, "tiny-real": CHAIN}
"""Verbs that a recipe must have among its steps."""
SHARED = ROOT.parent / "shared" / "data"
# Recipes whose inputs lie in the shared data; their bytes are part of the plan.
REAL = {"judge", "tiny-real"}


def test_these_are_all_recipes(repository: Path) -> None:
    assert tuple(sorted(path.stem for path in (repository / "recipes").glob("*.y*ml"))) == RECIPES


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(name in REAL and not SHARED.is_dir(), reason="there is no ../shared/data"),
        )
        for name in RECIPES
    ],
)
def test_a_recipe_loads_and_wires(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    recipe = load_recipe(Path("recipes") / f"{name}.yaml")
    plan = list(in_order(*recipe.steps.values()))
    assert len(plan) == len(recipe.steps) >= 10
    assert len({step.fingerprint for step in plan}) == len(plan)
    assert {label: step.label for label, step in recipe.steps.items()} == {label: label for label in recipe.steps}
    assert KINDS[name] <= {step.kind for step in plan}
