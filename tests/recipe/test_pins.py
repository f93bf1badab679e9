"""A data set without a commit is noticed before anything runs, with the command that gives it one."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from zhiyin.data.repositories import Repository
from zhiyin.recipe.pins import unpinned
from zhiyin.recipe.wiring import load_recipe

ZEROS, COMMIT = "0" * 40, "12345abcde" * 4
ROWS = f"""\
title: t
variables: {{commit: "{ZEROS}"}}
data:
  made: {{name: collect, source: {{name: generated_instructions, part: train, count: 4}}}}
  belle:
    name: collect
    source: {{name: belle, hub: {{repo: BelleGroup/one, revision: "${{commit}}", files: ["*"]}}}}
  firefly:
    name: collect
    source: {{name: firefly, modelscope: {{repo: YeungNLP/two, revision: "{ZEROS}", files: ["*"]}}}}
  chosen:
    name: collect
    source: {{name: belle, hub: {{repo: BelleGroup/three, revision: "{COMMIT}", files: ["*"]}}}}
  mixed: {{name: mix, sources: [made, belle, firefly, chosen], total: 4}}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    Path("my recipe.yaml").write_text(ROWS, encoding="utf-8")
    return Path("my recipe.yaml")


def said(recipe: Path, *overrides: str) -> str | None:
    return unpinned(recipe, overrides, load_recipe(recipe, overrides).steps.values())


def test_each_data_set_without_a_commit_is_named(recipe: Path) -> None:
    message = said(recipe, "title=a b") or ""
    assert message.startswith("no commit was chosen for BelleGroup/one, YeungNLP/two: its place is held by zeros.")
    assert message.splitlines()[1:] == [
        "zhiyin run 'my recipe.yaml' \\",
        "  'title=a b' \\",
        "  belle.source.hub.revision=$(git ls-remote https://huggingface.co/datasets/BelleGroup/one HEAD | cut -f1) \\",
        "  firefly.source.modelscope.revision="
        "$(git ls-remote https://www.modelscope.cn/datasets/YeungNLP/two HEAD | cut -f1)",
    ]


def test_what_the_command_gives_is_taken(recipe: Path) -> None:
    command = (said(recipe, "title=a b") or "").split("\n", 1)[1].replace("\\\n", " ")
    _, _, path, *overrides = shlex.split(re.sub(r"\$\(.*?\)", COMMIT, command))
    assert said(Path(path), *overrides) is None
    steps: dict[str, Any] = dict(load_recipe(Path(path), overrides).steps)
    repositories = [steps["belle"].config.source.hub, steps["firefly"].config.source.modelscope]
    assert all(isinstance(one, Repository) and one.revision == COMMIT for one in repositories)


def test_a_variable_may_give_it(recipe: Path) -> None:
    assert "BelleGroup" not in (said(recipe, f"commit={COMMIT}") or "BelleGroup")
    assert said(recipe, f"commit={COMMIT}", f"firefly.source.modelscope.revision={COMMIT}") is None
