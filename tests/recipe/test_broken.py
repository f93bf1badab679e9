"""Every way a recipe can be wrong, the line it is reported at, and the words of the report."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from zhiyin.recipe.document import RecipeError
from zhiyin.recipe.wiring import load_recipe

Write = Callable[[str], Path]

HEAD = "title: t\nvariables: {seed: 1}\ndata:\n"
A = "  a: {name: collect, source: {name: generated, count: 3}}\n"

_BLOCK = re.compile(r"^=== (.+)\n>>> (.+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)
BROKEN = {
    name: (text, message)
    for name, message, text in _BLOCK.findall(Path(__file__).with_name("broken.txt").read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(recipe: Write, rooms: str, case: str) -> None:
    text, message = BROKEN[case]
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(text), package=rooms)
    assert len(caught.value.problems) == 1, str(caught.value)
    said = str(caught.value).removeprefix("r.yaml:")
    assert said.startswith(message) or (not message[0].isdigit() and message in said)


def test_there_are_enough_broken_ones() -> None:
    assert len(BROKEN) == 57


def test_control_character(recipe: Write, rooms: str) -> None:
    with pytest.raises(
        RecipeError, match=r"^r\.yaml:2: not valid YAML: the character U\+0007 is not allowed; remove it$"
    ):
        load_recipe(recipe("title: t\nvariables: {a: \x07}\n"), package=rooms)


def test_not_utf8(recipe: Write, rooms: str) -> None:
    path = recipe("")
    path.write_bytes("title: t\nvariables: {a: 中}\n".encode("gb18030"))
    with pytest.raises(RecipeError, match=r"^r\.yaml:2: not UTF-8 \(byte 24 is 0xd6\); save the file as UTF-8$"):
        load_recipe(path, package=rooms)


def test_no_such_file(recipe: Write, rooms: str) -> None:
    recipe("title: t")
    with pytest.raises(RecipeError, match=r"^rr\.yaml: no such recipe file \(did you mean 'r\.yaml'\?\); \. holds r"):
        load_recipe(Path("rr.yaml"), package=rooms)
    with pytest.raises(RecipeError, match=r"^nowhere/r\.yaml: no such recipe file$"):
        load_recipe(Path("nowhere/r.yaml"), package=rooms)
    with pytest.raises(RecipeError, match=r"is a folder, not a recipe file"):
        load_recipe(Path.cwd(), package=rooms)


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
    "no value where text is wanted": ("title=", "command line, title=: title: expected text, got nothing"),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_broken_override(recipe: Write, rooms: str, case: str) -> None:
    word, message = OVERRIDES[case]
    variable = "  v: {name: collect, source: {name: generated, count: 1, seed: ${seed}}}\n"
    text = HEAD + A + variable + "  b: {name: mix, sources: [a]}\n"
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(text), [word], package=rooms)
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)
