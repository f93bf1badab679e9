"""Every option carries its sentence, and options are few; a step module is one config and one verb."""

import ast
import inspect
from importlib import import_module
from typing import Any

import pytest
from tests.house.tree import Module, source

from zhiyin.execution.artifact import Artifact, FileRecord, Manifest
from zhiyin.execution.config import Config, StepConfig
from zhiyin.execution.step import parameters


def defines(module: Module, *bases: str) -> bool:
    """Tell whether a class of that file names one of the bases."""
    return any(
        isinstance(node, ast.ClassDef) and {ast.unparse(base).split(".")[-1] for base in node.bases} & set(bases)
        for node in module.tree.body
    )


def step_modules() -> list[Module]:
    """Return the modules that hold `class Config(StepConfig)`."""
    return [
        module
        for module in source()
        if any(isinstance(node, ast.ClassDef) and node.name == "Config" for node in module.tree.body)
        and defines(module, "StepConfig")
    ]


def config_classes() -> list[type[Config]]:
    """Return every config of the package, plug-ins and their parents among them."""
    found: dict[str, type[Config]] = {}
    for module in source():
        if not any(isinstance(node, ast.ClassDef) for node in module.tree.body):
            continue
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Config) and value.__module__ == module.name:
                found[f"{module.name}.{value.__name__}"] = value
    return list(found.values())


CONFIGS = config_classes()
STEPS = step_modules()
# A step of a recipe, read before its verb is known: what else it holds is checked against that verb's config.
OPEN = {"zhiyin.recipe.config.Entry"}


def test_configs_and_steps_were_found() -> None:
    assert len(CONFIGS) >= 45
    assert len(STEPS) >= 15
    assert {module.room for module in STEPS} == {"data", "training", "weights", "inference", "evaluation", "report"}


def full_name(config: type[Config]) -> str:
    return f"{config.__module__}.{config.__name__}"


# What a training is and where it runs have the fields that `TrainingArguments` has for it; `guards` is one block.
WIDE = {"zhiyin.training.train.Config": 14, "zhiyin.execution.runtime.Runtime": 15}


def test_a_config_has_at_most_12_fields() -> None:
    wide = {full_name(config): len(config.model_fields) for config in CONFIGS if len(config.model_fields) > 12}
    assert wide == WIDE


def test_every_field_has_its_sentence() -> None:
    fields = [(full_name(config), name, field) for config in CONFIGS for name, field in config.model_fields.items()]
    assert len(fields) >= 150
    ends = (".", "。", ")", "`")
    assert [(where, name) for where, name, field in fields if not (field.description or "").endswith(ends)] == []


# A preset and a file of prompts are read into fields that count; for `access` see docs/adr/0007.
NO_IDENTITY = {
    ("zhiyin.chat.templates.prompt_json.PromptJson", "file"),
    ("zhiyin.training.adapters.adalora.Adalora", "preset"),
    ("zhiyin.inference.engines.openai.OpenAi", "access"),
}


def test_few_fields_are_no_identity() -> None:
    excluded = {
        (full_name(config), name)
        for config in CONFIGS
        for name, field in config.model_fields.items()
        if field.exclude or field.exclude_if
    }
    assert excluded == NO_IDENTITY


def test_no_field_is_a_set() -> None:
    """The order of a set differs from process to process, and so would the identity."""
    fields = [(full_name(config), name, field) for config in CONFIGS for name, field in config.model_fields.items()]
    assert [(where, name) for where, name, field in fields if "set[" in str(field.annotation).lower()] == []


def test_every_config_is_closed_and_frozen() -> None:
    assert {full_name(config) for config in CONFIGS if config.model_config.get("extra") != "forbid"} == OPEN
    assert [full_name(config) for config in CONFIGS if not config.model_config.get("frozen")] == []


@pytest.mark.parametrize("module", STEPS, ids=lambda module: module.name)
def test_a_step_module_is_one_config_and_one_verb(module: Module) -> None:
    name = module.name.rpartition(".")[2]
    loaded = import_module(module.name)
    own: dict[str, Any] = {
        key: value
        for key, value in vars(loaded).items()
        if getattr(value, "__module__", "") == module.name and not key.startswith("_")
    }
    verbs = [key for key, value in own.items() if inspect.isfunction(value)]
    assert name in verbs
    steps = [value for value in own.values() if isinstance(value, type) and issubclass(value, StepConfig)]
    assert [value.__name__ for value in steps] == ["Config"]


@pytest.mark.parametrize("module", STEPS, ids=lambda module: module.name)
def test_a_verb_takes_config_out_runtime_and_artifacts(module: Module) -> None:
    verb = getattr(import_module(module.name), module.name.rpartition(".")[2])
    found = list(inspect.signature(verb).parameters.values())
    assert found[0].name == "config"
    assert found[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {each.kind for each in found[1:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert [each.name for each in found[1:3]] == ["out", "runtime"]
    assert len(parameters(verb)) == len(found) - 3
    assert verb.__doc__


def test_what_the_core_writes_is_documented_too() -> None:
    assert {FileRecord, Manifest} <= set(CONFIGS)
    assert Artifact.__doc__
