"""Every way a recipe can be wrong, the line it is reported at, and the words of the report."""

import functools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zhiyin.cli.app import app
from zhiyin.recipe import lenience, wiring
from zhiyin.recipe.document import RecipeError
from zhiyin.recipe.wiring import load_recipe

Write = Callable[[str], Path]

HEAD = "title: t\nvariables: {seed: 1}\ndata:\n"
A = "  a: {name: collect, source: {name: generated, count: 3}}\n"

_BLOCK = re.compile(r"^=== (.+)\n>>> (.+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)
WRITTEN = {
    name: (text.encode(), message)
    for name, message, text in _BLOCK.findall(Path(__file__).with_name("broken.txt").read_text(encoding="utf-8"))
}
CHINESE = "title: 题\nvariables: {a: 中}\n"
MADE = {
    "encoding: GBK": (
        CHINESE.encode("gb18030"),
        "1: not UTF-8 (byte 7 is 0xcc); it reads as GB18030 (GBK); save the file",
    ),
    "encoding: Latin-1": (
        "title: t\n# caf\xe9\n".encode("latin-1"),
        "2: not UTF-8 (byte 14 is 0xe9); save the file as UTF-8",
    ),
    "encoding: UTF-16": (CHINESE.encode("utf-16"), "1: the file is in UTF-16LE; save it as UTF-8"),
    "encoding: UTF-16, big end first": (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "1: the file is in UTF-16BE; save"),
    "encoding: UTF-16 without a mark": (CHINESE.encode("utf-16-le"), "1: the file is in UTF-16LE; save it as UTF-8"),
    "encoding: cut character": ("title: 题".encode()[:-1], "1: not UTF-8 (byte 7 is 0xe9); save the file as UTF-8"),
    "control character: bell": (
        b"title: t\nvariables: {a: \x07}\n",
        "2: not valid YAML: the character U+0007 is not allowed",
    ),
    "control character: NUL": (
        b"title: t\ndata: \0\n",
        "2: not valid YAML: the character U+0000 is not allowed; remove it",
    ),
    "control character: escape": (b"title: \x1b[31mred\n", "1: not valid YAML: the character U+001B is not allowed"),
    "control character: C1": (
        "title: t\nvariables: {a: \x9b}\n".encode(),
        "2: not valid YAML: the character U+009B is not",
    ),
    "control character: mark in the middle": (
        "title: t\n\ufeffdata: {}\n".encode(),
        r"2: '\ufeffdata': unknown key (did you mean 'data'?)",
    ),
    "number: 5,000 digits": (b"title: t\nvariables:\n  a: " + b"9" * 5000 + b"\n", "3: variables.a: '9999"),
    "nesting: lists": (
        b"title: t\ndata:\n  a: " + b"[" * 3000 + b"]" * 3000 + b"\n",
        "3: lists or mappings nested more than 40",
    ),
    "nesting: mappings": (
        "".join(" " * n + "a:\n" for n in range(60)).encode(),
        "41: lists or mappings nested more than 40",
    ),
    "size: a data file": (
        b"- a\n" * 300_000,
        " the file has 1,200,000 bytes, and a recipe at most 1,048,576; is it a data file?",
    ),
    "size: too many values": (
        b"title: t\ndata: [" + b"1," * 21_000 + b"1]\n",
        "2: more than 20,000 values, with every alias",
    ),
}
BROKEN = {**WRITTEN, **MADE}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(recipe: Write, rooms: str, case: str) -> None:
    content, message = BROKEN[case]
    recipe("").write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        load_recipe(Path("r.yaml"), package=rooms)
    assert len(caught.value.problems) == 1, str(caught.value)
    said = str(caught.value).removeprefix("r.yaml:")
    assert said.startswith(message) or (not message[0].isdigit() and message in said)
    assert len(said) < 400


@pytest.mark.parametrize("verb", ["run", "explain"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_on_the_command_line(
    recipe: Write, rooms: str, monkeypatch: pytest.MonkeyPatch, case: str, verb: str
) -> None:
    recipe("").write_bytes(BROKEN[case][0])
    monkeypatch.setattr(wiring, "load_recipe", functools.partial(load_recipe, package=rooms))
    refused = CliRunner().invoke(app, [verb, "r.yaml"])
    assert refused.exit_code == 2
    assert isinstance(refused.exception, SystemExit)
    assert refused.output.startswith("r.yaml:")
    assert BROKEN[case][1] in refused.output
    assert refused.output.endswith("\n1 error; nothing was run.\n")
    assert "Traceback" not in refused.output
    assert os.listdir() == ["r.yaml"]


@pytest.mark.parametrize("case", ["encoding: GBK", "tag: Python call", "cycle: cycle", "nesting: lists"])
def test_broken_as_a_process_of_its_own(recipe: Write, child_environment: dict[str, str], case: str) -> None:
    recipe("").write_bytes(BROKEN[case][0])
    command = [sys.executable, "-c", "from zhiyin.cli.app import main; main()", "run", "r.yaml"]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.match(r"r\.yaml:\d+: ", done.stderr)
    assert "nothing was run" in done.stderr
    assert "Traceback" not in done.stderr


def test_there_are_enough_broken_ones() -> None:
    classes = Counter(case.partition(": ")[0] for case in BROKEN)
    for fault, count in classes.most_common():
        sys.stdout.write(f"{count:3} {fault}\n")
    sys.stdout.write(f"{len(BROKEN)} recipes in {len(classes)} classes\n")
    assert (len(BROKEN), len(classes)) == (123, 22)


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


PLACES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("r.yaml", lambda path: None, "no such recipe file (did you mean 'rr.yaml'?); . holds rr.yaml"),
    "missing folder": ("nowhere/r.yaml", lambda path: None, "no such recipe file"),
    "folder": ("r.yaml", folder, "is a folder, not a recipe file"),
    "FIFO": ("r.yaml", os.mkfifo, "neither a file nor a folder; a recipe is a file"),
    "link to nowhere": ("r.yaml", lambda path: path.symlink_to("gone"), "no such recipe file"),
    "link in a circle": ("r.yaml", loop, "no such recipe file"),
    "name too long": ("r" * 300, lambda path: None, "the recipe file cannot be read: File name too long"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_path_that_leads_to_no_recipe(recipe: Write, case: str) -> None:
    name, make, said = PLACES[case]
    recipe("title: t").rename("rr.yaml")
    make(Path(name))
    refused = CliRunner().invoke(app, ["run", name])
    assert refused.exit_code == 2
    assert refused.output.startswith(f"{name}: {said}")
    assert "1 error; nothing was run." in refused.output


def test_a_recipe_that_may_not_be_read(recipe: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    recipe("title: t")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(RecipeError, match=r"^r\.yaml: the recipe file cannot be read: Permission denied$"):
        load_recipe(Path("r.yaml"))


def test_an_input_that_may_not_be_read(recipe: Write, rooms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are part of the identity of the step, so it is found before anything runs."""

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    path = recipe(HEAD + "  a:\n    name: collect\n    source:\n      name: text\n      path: notes.txt\n")
    Path("notes.txt").write_text("a")
    load_recipe(path, package=rooms)
    monkeypatch.setattr(lenience, "digest", refuse)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, package=rooms)
    assert str(caught.value) == "r.yaml:8: data.a.source.path: notes.txt cannot be read: Permission denied"


def test_what_yaml_may_say(recipe: Write, rooms: str) -> None:
    """A mark at the start, Windows line ends, an alias and a date are no faults."""
    text = (
        f"\ufeff{HEAD}  a: &a\n    name: collect\n    limit: 1_0\n    source: {{name: generated, count: 3}}\n  b: *a\n"
    )
    path = recipe("")
    path.write_bytes(text.replace("\n", "\r\n").replace("seed: 1", "seed: 2024-01-01").encode())
    loaded = load_recipe(path, package=rooms)
    assert loaded.variables["seed"] == "2024-01-01"
    assert loaded.steps["a"].config == loaded.steps["b"].config


OVERRIDES = {
    "no equals sign": ("seed", "command line: seed: expected key.path=value"),
    "unknown variable": (
        "sead=1",
        "no variable is called 'sead' (did you mean 'seed'?); there are language, seed",
    ),
    "new variable": ("variables.new=1", "no variable is called 'new'"),
    "unknown label": ("aa.source.count=1", "no label is called 'aa' (did you mean 'a'?)"),
    "unknown label in a section": ("data.aa.limit=1", "no step of data has the label 'aa' (did you mean 'a'?)"),
    "unknown section": ("dta.a.limit=1", "no label is called 'dta' (did you mean 'data'?)"),
    "unknown field": ("a.limmit=1", "command line, a.limmit=1: data.a.limmit: unknown key (did you mean 'limit'?)"),
    "unknown field of a plug-in": ("a.source.cuont=1", "data.a.source.cuont: unknown key (did you mean 'count'?)"),
    "wrong type": ("a.limit=few", "command line, a.limit=few: data.a.limit: expected a whole number, got 'few'"),
    "wrong type through a variable": ("seed=x", "r.yaml:5: data.v.source.seed: expected a whole number, got 'x'"),
    "not YAML": ("a.limit=[1", "command line: a.limit=[1: not valid YAML"),
    "list index": ("b.sources.3=a", "data.b.sources is a list of 1; expected an index from 0 to 0, got '3'"),
    "inside a number": ("a.source.count.x=1", "data.a.source.count is 3, which has nothing inside to set"),
    "dangling": ("b.sources.0=z", "command line, b.sources.0=z: data.b.sources.0: no step has the label 'z'"),
    "unknown variable in the value": ("a.limit=${sed}", "data.a.limit: no variable is called 'sed' (did you mean"),
    "key twice": ("b.ratios={a: 1, a: 2}", "the key 'a' stands on line 1 already"),
    "index that only looks like one": ("b.sources.²=a", "expected an index from 0 to 0, got '²'"),
    "nothing before the equals sign": ("=1", "no variable is called ''"),
    "a whole section": ("data=1", "no variable is called 'data'"),
    "not a number": ("a.source.count=.nan", ".nan is not a finite number"),
    "nested too deep": ("a.limit=" + "[" * 3000, "lists or mappings nested more than 40 deep"),
    "control character": ("a.limit=\x07", "the character U+0007 is not allowed"),
    "half a surrogate": ("a.limit=\udcff", "the character U+DCFF is not allowed"),
    "tag": ("a.limit=!!python/name:os.system ''", "the tag !!python/name:os.system is not known"),
    "merge key": ("a.source={<<: {count: 1}}", "YAML 1.2 has no merge key `<<`"),
    "no value where text is wanted": ("title=", "command line, title=: title: expected text, got nothing"),
}


def test_index_of_an_empty_list(recipe: Write, rooms: str) -> None:
    words = ["a.source.words=[]", "a.source.words.0=x"]
    with pytest.raises(
        RecipeError, match=r"data\.a\.source\.words is an empty list; set it as a whole, data\.a\.source"
    ):
        load_recipe(recipe(HEAD + A), words, package=rooms)


@pytest.mark.parametrize("case", OVERRIDES)
def test_broken_override(recipe: Write, rooms: str, case: str) -> None:
    word, message = OVERRIDES[case]
    variable = "  v: {name: collect, source: {name: generated, count: 1, seed: ${seed}}}\n"
    text = HEAD + A + variable + "  b: {name: mix, sources: [a]}\n"
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(text), [word], package=rooms)
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)
