"""The documentation is true: its commands parse, its make targets exist, its links lead somewhere, its examples run."""

import importlib
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.house.tree import ROOT
from typer.main import get_command

from zhiyin.cli.app import app

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# src/(zhiyin/\S+)\.py\n")
SHELL = {"", "sh", "bash", "console", "shell", "text"}
FAMILIES = 8


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the arguments of every call of a program in the shell blocks of a page, comments left out."""
    found = []
    for language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in body.replace("\\\n", " ").split("\n") if language in SHELL else ():
            words = shlex.split(line.removeprefix("$ "), comments=True) if line.split("#")[0].strip() else []
            if words and words[0].rpartition("/")[2] == program:
                found.append(words[1:])
    return found


def targets() -> set[str]:
    """Return what the Makefile offers."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    return set(phony.group(1).split())


def test_the_makefile_offers_these() -> None:
    assert targets() == {"demo", "test", "test-slow", "check", "bench", "docs", "clean", "setup"}
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets() if not re.search(rf"^{target}:", text, re.MULTILINE)] == []


def test_the_readme_shows_how_to_begin() -> None:
    readme = ROOT / "README.md"
    assert ["demo"] in commands(readme, "make")
    assert ["test"] in commands(readme, "make")
    assert {arguments[0] for arguments in commands(readme, "zhiyin")} >= {"run", "explain"}


def test_every_make_command_names_a_target() -> None:
    shown = [word for page in pages() for call in commands(page, "make") for word in call if "=" not in word]
    assert len(shown) >= 6
    assert set(shown) <= targets()


def test_every_zhiyin_command_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    calls = [(page.name, call) for page in pages() for call in commands(page, "zhiyin")]
    assert len(calls) >= 6
    group: Any = get_command(app)
    for page, call in calls:
        name, *arguments = call
        assert name in group.commands, f"{page}: zhiyin {' '.join(call)}"
        # Parsing raises for an unknown option or a missing argument; nothing is run.
        context = group.commands[name].make_context(name, list(arguments))
        recipe = context.params.get("recipe")
        assert recipe is None or (ROOT / recipe).is_file(), f"{page}: there is no {recipe}"


def test_every_link_leads_somewhere() -> None:
    links = [
        (page, target)
        for page in pages()
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert len(links) >= 4
    assert [(page.name, target) for page, target in links if not (page.parent / target).exists()] == []


def test_every_file_named_in_the_documentation_exists() -> None:
    """What stands in backquotes and looks like a path of ours, unless an example of `adding.md` writes it."""
    ours = re.compile(r"`((?:src|tests|docs|recipes|bench)/[\w./-]+)`")
    named = [(page.name, path) for page in pages() for path in ours.findall(page.read_text(encoding="utf-8"))]
    assert len(named) >= 6
    assert [(page, path) for page, path in named if not (ROOT / path).exists()] == []


@dataclass(frozen=True)
class Example:
    """A file for one family, and the code that tries it."""

    module: str
    """`zhiyin.data.filters.latin`."""
    text: str
    trial: str


def examples() -> list[Example]:
    """Return the examples of `adding.md`: a block that begins with a file's name, then a block that uses it."""
    text = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    blocks = [body for language, body in FENCE.findall(text) if language == "python"]
    found = []
    for body, trial in zip(blocks[::2], blocks[1::2], strict=True):
        name = FILE.match(body)
        assert name, body
        found.append(Example(name.group(1).replace("/", "."), body, trial))
    return found


def test_every_family_has_its_example() -> None:
    families = {example.module.rpartition(".")[0] for example in examples()}
    packages = {
        "zhiyin." + ".".join(path.parent.relative_to(ROOT / "src" / "zhiyin").parts)
        for path in (ROOT / "src" / "zhiyin").rglob("__init__.py")
        if "(Plugin, ABC)" in path.read_text(encoding="utf-8")
    }
    assert len(examples()) == len(families) == FAMILIES
    assert families == packages


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.module)
def test_an_example_works(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family, _, name = example.module.rpartition(".")
    package = importlib.import_module(family)
    assert not (Path(str(package.__file__)).parent / f"{name}.py").exists(), "the package has such a member now"
    (tmp_path / f"{name}.py").write_text(example.text, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    importlib.invalidate_caches()
    try:
        exec(compile(example.trial, f"docs/adding.md:{name}", "exec"), {"__name__": "adding"})
        member = sys.modules[example.module]
    finally:
        sys.modules.pop(example.module, None)
        if hasattr(package, name):
            delattr(package, name)
    assert member.__doc__
    assert all(len(line) <= 120 for line in example.text.split("\n"))
