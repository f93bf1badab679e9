"""A right recipe becomes the right steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zhiyin.artifacts import Checkpoint, ConversationSet, TextSet
from zhiyin.execution.step import Step, in_order
from zhiyin.recipe.document import RecipeError
from zhiyin.recipe.wiring import load_recipe

Write = Callable[[str], Path]

WHOLE = """\
# A comment with ${braces} is left alone.
title: From ${seed} on
variables:
  seed: 42
  rate: 1e-4
  name: run-${seed}
  fast: true
training:
  sft:
    name: train
    model: seed_model
    records: all
    learning_rate: ${rate}
    note: "${name} fast=${fast}"
weights:
  seed_model: {name: tiny, layers: 4}
data:
  all:
    name: mix
    sources: {a: first, b: second}
    ratios: {a: 0.7, b: 0.3}
  listed: {name: mix, sources: [second, first]}
  first: {name: collect, source: {name: generated, count: 3, seed: ${seed}}}
  second:
    name: collect
    source:
      name: generated
      count: 4
      words: [一, "2", 2024-01-01]
"""


def test_whole_recipe(recipe: Write, rooms: str) -> None:
    found = load_recipe(recipe(WHOLE), package=rooms)
    assert (found.title, found.name) == ("From 42 on", "r")
    assert found.variables == {"language": "en", "seed": 42, "rate": 1e-4, "name": "run-42", "fast": True}
    assert list(found.steps) == ["seed_model", "first", "second", "all", "sft", "listed"]
    assert [step.label for step in in_order(*found.steps.values())] == list(found.steps)
    sft, mixed, listed = found.steps["sft"], found.steps["all"], found.steps["listed"]
    assert sft.config.plain() == {"learning_rate": 1e-4, "note": "run-42 fast=true"}
    assert sft.inputs == {"model": found.steps["seed_model"], "records": mixed}
    assert mixed.inputs == {"sources": {"a": found.steps["first"], "b": found.steps["second"]}}
    assert listed.inputs == {"sources": {"second": found.steps["second"], "first": found.steps["first"]}}
    source = found.steps["second"].config.plain()["source"]
    assert source["words"] == ["一", "2", "2024-01-01"]
    assert found.steps["first"].config.plain()["source"]["seed"] == 42
    assert (sft.produces, sft.kind) == (Checkpoint, "train")


def test_artifact_type_follows_the_config(recipe: Write, rooms: str) -> None:
    Path("poems.txt").touch()
    path = recipe("title: t\ndata:\n  poems: {name: collect, source: {name: text, path: poems.txt}}\n")
    assert load_recipe(path, package=rooms).steps["poems"].produces is TextSet


def test_optional_input_may_be_nothing(recipe: Write, rooms: str) -> None:
    found = load_recipe(recipe(WHOLE), ["sft.held_out=null"], package=rooms)
    assert "held_out" not in found.steps["sft"].inputs
    found = load_recipe(recipe(WHOLE), ["sft.held_out=first"], package=rooms)
    assert found.steps["sft"].inputs["held_out"] is found.steps["first"]


def test_plug_in_by_name_alone(recipe: Write, rooms: str) -> None:
    Path("x.txt").touch()
    path = recipe("title: t\ndata:\n  a: {name: collect, source: generated}\n")
    assert load_recipe(path, ["a.source.count=5"], package=rooms).steps["a"].config.plain()["source"]["count"] == 5


@pytest.mark.parametrize(
    ("word", "label", "path", "value"),
    [
        ("training.sft.learning_rate=1e-3", "sft", ("learning_rate",), 1e-3),
        ("sft.learning_rate=1e-3", "sft", ("learning_rate",), 1e-3),
        ("rate=2e-5", "sft", ("learning_rate",), 2e-5),
        ("variables.rate=2e-5", "sft", ("learning_rate",), 2e-5),
        ("seed=7", "first", ("source", "seed"), 7),
        ("name=x", "sft", ("note",), "x fast=true"),
        ("sft.note=a=b", "sft", ("note",), "a=b"),
        ("sft.note='1'", "sft", ("note",), "1"),
        ("all.ratios={a: 0.5, b: 0.5}", "all", ("ratios",), {"a": 0.5, "b": 0.5}),
        ("all.ratios.a=0.1", "all", ("ratios",), {"a": 0.1, "b": 0.3}),
        ("second.source.words.1=二", "second", ("source", "words"), ["一", "二", "2024-01-01"]),
        ("first.source.count=${seed}", "first", ("source", "count"), 42),
        ("all.shuffle=false", "all", ("shuffle",), False),
    ],
)
def test_override(recipe: Write, rooms: str, word: str, label: str, path: tuple[str, ...], value: object) -> None:
    found = load_recipe(recipe(WHOLE), [word], package=rooms).steps[label].config.plain()
    for key in path:
        found = found[key]
    assert found == value


def test_override_of_an_input(recipe: Write, rooms: str) -> None:
    found = load_recipe(recipe(WHOLE), ["sft.records=first", "all.sources.b=first"], package=rooms)
    assert found.steps["sft"].inputs["records"] is found.steps["first"]
    assert found.steps["all"].inputs["sources"] == {"a": found.steps["first"], "b": found.steps["first"]}


def test_the_file_is_not_touched_by_overrides(recipe: Write, rooms: str) -> None:
    path = recipe(WHOLE)
    first = load_recipe(path, package=rooms).steps["sft"].fingerprint
    assert load_recipe(path, ["seed=7"], package=rooms).steps["sft"].fingerprint != first
    assert load_recipe(path, package=rooms).steps["sft"].fingerprint == first


def test_building_runs_nothing_and_imports_only_what_is_named(recipe: Write, rooms: str) -> None:
    load_recipe(recipe(WHOLE), package=rooms)  # weights/merge.py cannot be imported
    assert not list(Path.cwd().glob("store*"))
    with pytest.raises(ImportError, match="a library is missing"):
        load_recipe(recipe("title: t\nweights:\n  m: {name: merge}\n"), package=rooms)


def test_key_that_is_field_and_input_is_a_programming_error(recipe: Write, rooms: str) -> None:
    with pytest.raises(TypeError, match=r"fake_rooms\.training\.clash: model must be either"):
        load_recipe(recipe("title: t\ntraining:\n  c: {name: clash}\n"), package=rooms)


def test_alias_and_byte_order_mark(recipe: Write, rooms: str) -> None:
    text = "\ufefftitle: t\ndata:\n  a: &a {name: collect, source: {name: generated, count: 1}}\n  b: *a\n"
    found = load_recipe(recipe(text), package=rooms)
    assert found.steps["a"].fingerprint == found.steps["b"].fingerprint


def test_yaml_1_2(recipe: Write, rooms: str) -> None:
    """`1e-4` is a number and `no` a word: YAML 1.1 has it the other way round."""
    text = WHOLE.replace("rate: 1e-4", "rate: 2E-5").replace("name: run-${seed}", "name: no")
    config = load_recipe(recipe(text), package=rooms).steps["sft"].config.plain()
    assert config == {"learning_rate": 2e-5, "note": "no fast=true"}


def test_real_rooms(recipe: Write) -> None:
    """The sections of zhiyin itself, with light steps."""
    path = recipe(
        "title: t\nvariables: {seed: 1}\ndata:\n"
        "  questions:\n    name: collect\n"
        "    source: {name: generated_instructions, part: train, count: 20, seed: ${seed}}\n"
        "  clean_questions: {name: clean, records: questions}\n"
        "  mixed: {name: mix, sources: {a: clean_questions}, ratios: {a: 1.0}, total: 10}\n"
    )
    steps = load_recipe(path).steps
    assert {label: step.produces for label, step in steps.items()} == dict.fromkeys(
        ("questions", "clean_questions", "mixed"), ConversationSet
    )


def test_error_is_one_exception_with_every_problem(recipe: Write, rooms: str) -> None:
    text = (
        "title: t\ntraning: {}\nvariables: {seed: 1}\n"
        "data:\n"
        "  a: {name: collect, source: {name: generated, cuont: 3}}\n"
        "  b: {name: mix, sources: [a, c], total: 0}\n"
        "  d: {name: mixx}\n"
        "  e: {name: collect, source: {name: generated, count: '${sead}'}}\n"
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(text), ["sede=2"], package=rooms)
    found = [(problem.file, problem.line, problem.path) for problem in caught.value.problems]
    assert found == [
        ("command line", 0, "sede=2"),
        ("r.yaml", 2, "traning"),
        ("r.yaml", 5, "data.a.source"),
        ("r.yaml", 5, "data.a.source.cuont"),
        ("r.yaml", 6, "data.b.sources.1"),
        ("r.yaml", 6, "data.b.total"),
        ("r.yaml", 7, "data.d.name"),
        ("r.yaml", 8, "data.e.source.count"),
    ]


def test_a_label_makes_one_step(recipe: Write, rooms: str) -> None:
    found: dict[str, Step[ConversationSet]] = load_recipe(recipe(WHOLE), package=rooms).steps
    assert found["all"].flat_inputs["sources.a"] is found["first"]
