"""The documentation is true: its commands parse, its make targets exist, its links lead somewhere, its examples run."""

import importlib
import re
import shlex
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.house.tree import ROOT, SRC
from typer.main import get_command

from zhiyin.cli.app import app
from zhiyin.recipe.wiring import load_recipe

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# src/(zhiyin/\S+)\.py\n")
SHELL = {"", "sh", "bash", "console", "shell", "text"}
FAMILIES = 8
ENGLISH_ONLY = re.compile(r"docs/log\.md|docs/adr/.*")
"""Kept by the developers for themselves; README.zh-CN.md says so."""
TWINS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/adding.md", "docs/performance.md")
READMES = ("README.md", "README.zh-CN.md")
HAN = r"[\u4e00-\u9fff]"
WIDTH = 150
"""Columns of a line; a Chinese character takes two."""


def pages() -> list[Path]:
    """Return every page of the documentation."""
    top = [path for name in ("CONTRIBUTING*.md", "README*.md") for path in sorted(ROOT.glob(name))]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


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
    browser = {"test-browser", "screenshots", "browser"}
    others = {"demo", "test", "test-slow", "check", "bench", "bench-env", "docs", "words", "clean", "setup"}
    assert targets() == others | browser
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets() if not re.search(rf"^{target}:", text, re.MULTILINE)] == []


@pytest.mark.parametrize("name", READMES)
def test_the_readme_shows_how_to_begin(name: str) -> None:
    readme = ROOT / name
    assert ["demo"] in commands(readme, "make")
    assert ["test"] in commands(readme, "make")
    assert {arguments[0] for arguments in commands(readme, "zhiyin")} >= {"run", "explain"}


@pytest.mark.parametrize("name", READMES)
def test_the_readme_knows_every_package(name: str) -> None:
    packages = {path.parent.name for path in (SRC / "zhiyin").glob("*/__init__.py")}
    (tree,) = (body for _, body in FENCE.findall((ROOT / name).read_text("utf-8")) if "\nsrc/zhiyin/\n" in body)
    assert len(packages) >= 13
    assert packages - set(re.findall(r"(\w+)/", tree)) == set()


@pytest.mark.parametrize("name", READMES)
def test_the_recipe_of_the_readme_wires(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = (body for _, body in FENCE.findall((ROOT / name).read_text("utf-8")) if body.startswith("title:"))
    recipe = YAML().load(text)
    # What the example takes for granted: the model, and the file of questions.
    recipe["training"]["letters"] = {"name": "tokenizer", "texts": ["clean"], "vocab_size": 512, "template": "gemma2"}
    recipe["weights"] = {"base": {"name": "tiny", "tokenizer": "letters"}}
    monkeypatch.chdir(tmp_path)
    Path("my").mkdir()
    Path("my/questions.json").write_text("[]", encoding="utf-8")
    YAML().dump(recipe, Path("my.yaml"))
    # The override is the one that the page shows below its example.
    override = re.findall(r"`zhiyin run my\.yaml ([^`]+)`", (ROOT / name).read_text("utf-8"))
    steps = load_recipe(Path("my.yaml"), override[0].split()).steps
    assert {"questions", "clean", "sft"} < set(steps)
    assert steps["sft"].config.model_dump().items() >= {"learning_rate": 5e-5, "seed": 7}.items()


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


def twin(page: Path) -> Path:
    """Return the Chinese twin of an English page or picture, whether it is there or not."""
    return page.with_name(f"{page.stem}{'.zh-CN' if page.suffix == '.md' else '-zh'}{page.suffix}")


def skeleton(page: Path) -> list[str]:
    """Return what a page is built of, in order: heading levels, list items, table rows with their width, blocks."""
    built, inside = [], False
    for line in page.read_text(encoding="utf-8").split("\n"):
        if line.startswith("```"):
            inside = not inside
            built.append(line)
        elif not inside and (mark := re.match(r"#+ |- |\d+\. |!\[|\|", line)):
            built.append(f"| {line.count('|')}" if mark[0] == "|" else mark[0])
    return built


def differing(english: str, chinese: str) -> list[tuple[str, str]]:
    """Return the pairs of lines of two blocks that differ in more than a comment or a Chinese text.

    A line is a key and what stands behind a colon or a gap. The key stays, and so does every path behind it.
    """
    found = []
    for pair in zip(english.split("\n"), chinese.split("\n"), strict=True):
        (key, *rest), (same_key, *same_rest) = (
            re.split(r"(?<=\S)(?:: | {2,})", re.sub(r"(^|\s+)# .*", "", line), maxsplit=1) for line in pair
        )
        paths = [word.strip(",;:()") for word in " ".join(rest).split() if re.search(r"/|\.\w", word)]
        told = same_rest and re.search(HAN, same_rest[0]) and all(path in same_rest[0] for path in paths)
        if key != same_key or (rest != same_rest and not (rest and told)):
            found.append(pair)
    return found


def test_every_page_has_a_twin_or_is_english_on_purpose() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in pages()}
    chinese = {name for name in names if name.endswith(".zh-CN.md")}
    assert len(TWINS) == len(chinese) == 5
    assert {twin(ROOT / name).relative_to(ROOT).as_posix() for name in TWINS} == chinese
    assert {name for name in names - chinese if not ENGLISH_ONLY.fullmatch(name)} == set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_twins_name_each_other_on_top(name: str) -> None:
    page = ROOT / name
    for this, word, other in ((page, "中文", twin(page)), (twin(page), "English", page)):
        assert this.read_text(encoding="utf-8").split("\n")[1:4] == ["", f"[{word}]({other.name})", ""]


@pytest.mark.parametrize("name", TWINS)
def test_twins_are_built_alike(name: str) -> None:
    built = skeleton(ROOT / name)
    assert len(built) >= 10
    assert skeleton(twin(ROOT / name)) == built


@pytest.mark.parametrize("name", TWINS)
def test_twins_show_the_same_code(name: str) -> None:
    english, chinese = (FENCE.findall(page.read_text("utf-8")) for page in (ROOT / name, twin(ROOT / name)))
    assert len(english) >= 1
    for (language, body), (_, told) in zip(english, chinese, strict=True):
        # Code is written in English, whatever language it is explained in.
        assert (body == told) if language in {"python", "json"} else differing(body, told) == []


@pytest.mark.parametrize("name", TWINS)
def test_twins_link_to_the_same_places(name: str) -> None:
    """In the same order; the Chinese page leads to Chinese pages where there are any."""
    page = ROOT / name
    english, chinese = (
        re.findall(r"\]\(([^)#\s]+)", each.read_text("utf-8").split("\n", 3)[3]) for each in (page, twin(page))
    )
    assert chinese == [twin(Path(link)).as_posix() if twin(page.parent / link).exists() else link for link in english]


@pytest.mark.parametrize("name", TWINS)
def test_what_is_named_in_english_is_named_in_chinese(name: str) -> None:
    english, chinese = (
        set(re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text("utf-8"))))
        for page in (ROOT / name, twin(ROOT / name))
    )
    assert len(english) >= 5
    assert english - chinese == set()


@pytest.mark.parametrize("name", TWINS)
def test_chinese_is_set_as_chinese(name: str) -> None:
    """A space between Chinese and Latin, full-width punctuation, no line break that a browser shows as a space."""
    page = twin(ROOT / name).read_text(encoding="utf-8")
    prose = FENCE.sub(lambda block: "" if block[1] in {"python", "json"} else block[0], page)
    prose = re.sub(r"`[^`\n]+`", "`x`", prose)
    assert len(re.findall(HAN, prose)) >= 300
    assert re.findall(rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9`]{HAN}", prose) == []
    assert re.findall(rf"{HAN}[,.;:!?()]|[,.;:!?()]{HAN}", prose) == []
    assert re.findall(rf".*{HAN}\n{HAN}.*", prose) == []
    wide = [line for line in prose.split("\n") if len(line) + sum(map(_is_wide, line)) > WIDTH]
    assert [line for line in wide if "](" not in line] == []


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
