"""The core works with its own dependencies alone: every extra is blocked, and a recipe is still explained."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

BLOCKED = {
    *("torch", "transformers", "peft", "accelerate", "safetensors"),
    *("numpy", "opencc", "sacrebleu", "scipy", "statsmodels", "jinja2"),
}
BLOCK = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(BLOCKED)!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def under_the_block(code: str, repository: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", BLOCK + code]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


def test_the_block_blocks(repository: Path, child_environment: dict[str, str]) -> None:
    done = under_the_block("import torch", repository, child_environment)
    assert done.returncode == 1
    assert "blocked: torch" in done.stderr


def test_every_extra_is_blocked(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {name for extra in ("data", "train", "eval", "report") for name in extras[extra]}
    assert wanted == BLOCKED


@pytest.mark.parametrize("verb", ["--help", "ls", "ls objectives", "ls artifacts"])
def test_a_verb_that_needs_no_model_works(verb: str, repository: Path, child_environment: dict[str, str]) -> None:
    code = f"sys.argv = ['zhiyin', *{verb.split()!r}]\nfrom zhiyin.cli.app import main\nmain()"
    done = under_the_block(code, repository, child_environment)
    assert done.returncode == 0, done.stderr


def test_a_recipe_is_explained(repository: Path, tmp_path: Path, child_environment: dict[str, str]) -> None:
    store = str(tmp_path / "store")
    code = f"sys.argv = ['zhiyin', 'explain', 'recipes/tiny.yaml', '--store', {store!r}]\n"
    done = under_the_block(f"{code}from zhiyin.cli.app import main\nmain()", repository, child_environment)
    assert done.returncode == 0, done.stderr
    assert "never made" in done.stdout
