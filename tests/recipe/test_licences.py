"""A recipe may refuse data that forbids commercial use, before anything runs."""

import re
from pathlib import Path

import pytest

from zhiyin.execution.config import StepConfig
from zhiyin.recipe.document import RecipeError
from zhiyin.recipe.licences import refusal
from zhiyin.recipe.wiring import load_recipe

ROWS = """\
title: t
licences: commercial
data:
  free: {name: collect, source: {name: generated_instructions, part: train, count: 4}}
  research:
    name: collect
    source: {name: belle, files: [a.json]}
  unstated: {name: collect, source: {name: alpaca_json, files: [a.json]}}
  stated: {name: collect, source: {name: alpaca_json, files: [a.json], licence: {name: MIT, commercial: true}}}
  mixed: {name: mix, sources: [free, research, unstated, stated], total: 4}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text("[]", encoding="utf-8")
    Path("r.yaml").write_text(ROWS, encoding="utf-8")
    return Path("r.yaml")


def test_data_that_forbids_commercial_use_is_named_with_its_line(recipe: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    first, second = caught.value.problems
    assert (first.line, first.path) == (7, "data.research.source")
    assert re.search("the licence of belle, .*, does not allow it; leave the source out, or take", first.message)
    assert (second.line, second.path) == (8, "data.unstated.source")
    assert "the licence of alpaca_json, not stated, is not known to allow it; say so in its `licence`" in second.message


def test_without_the_word_all_data_is_taken(recipe: Path) -> None:
    assert len(load_recipe(recipe, ["licences=any"]).steps) == 5
    recipe.write_text(ROWS.replace("licences: commercial\n", ""), encoding="utf-8")
    assert len(load_recipe(recipe).steps) == 5
    with pytest.raises(RecipeError, match=r"data\.research\.source"):
        load_recipe(recipe, ["licences=commercial"])


def test_a_misspelt_word_is_no_permission(recipe: Path) -> None:
    recipe.write_text(ROWS.replace("commercial\ndata", "comercial\ndata"), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"r\.yaml:2: licences: expected 'any' or 'commercial', got 'comercial'"):
        load_recipe(recipe)


def test_a_step_without_a_source_has_no_licence() -> None:
    assert refusal(None) is None
    assert refusal(StepConfig()) is None
