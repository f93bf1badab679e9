"""Every recipe in `recipes/data/` loads and wires, and reads what it says it reads."""

from pathlib import Path

import pytest
from tests.house.tree import ROOT

from zhiyin.data.files import FileRows
from zhiyin.execution.step import in_order
from zhiyin.recipe.wiring import Recipe, load_recipe

STAGES = {"stage1": 2, "stage2": 5, "stage3": 8, "dreamer-f1-f3": 3}
"""Collect steps that read a hub, by recipe."""
RECIPES = (*sorted(STAGES), "sweep")
COMPLIANCE = "compliance"
SHARED = ROOT.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="there is no ../shared/data")


def wired(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Load a recipe; PsyQA's file, which nobody may pass on, is any file here."""
    monkeypatch.chdir(repository)
    overrides = ["psyqa=README.md"] if name == "dreamer-f1-f3" else []
    return load_recipe(Path("recipes/data") / f"{name}.yaml", overrides)


def test_these_are_all_recipes_of_data(repository: Path) -> None:
    assert {path.stem for path in (repository / "recipes" / "data").glob("*.y*ml")} == {*RECIPES, COMPLIANCE}


@needs_data
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_of_data_loads_and_wires(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = wired(name, repository, monkeypatch)
    plan = list(in_order(*recipe.steps.values()))
    assert len(plan) == len(recipe.steps) >= 15
    wanted = {"collect", "clean", "deduplicate", "split", "mix", "gate", "page"}
    if name in STAGES:
        wanted = {"collect", "clean", "decontaminate", "split", "prepare"}
        assert not {"train", "answer"} & {step.kind for step in plan}
    assert wanted <= {step.kind for step in plan}


@needs_data
def test_the_recipe_of_compliance_pairs_wires(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = wired(COMPLIANCE, repository, monkeypatch)
    kinds = {step.kind for step in recipe.steps.values()}
    assert kinds == {"prepare", "answer", "score", "compliance_pairs", "lint_preferences"}


@needs_data
@pytest.mark.parametrize("name", STAGES)
def test_each_set_is_read_from_its_own_repository(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = wired(name, repository, monkeypatch).steps.values()
    sources = [getattr(step.config, "source", None) for step in steps]
    read = [source for source in sources if isinstance(source, FileRows) and source.hub is not None]
    assert [source.hub.repo for source in read if source.hub] == [source.hub_id for source in read]
    assert len(read) == STAGES[name]
    # No commit is known here; whoever has the hub writes it in place of the zeros.
    assert {source.hub.revision for source in read if source.hub} == {"0" * 40}
