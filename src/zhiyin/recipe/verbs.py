"""The steps a section offers, found by reading its files: only the ones a recipe names are imported."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zhiyin.execution.config import StepConfig
from zhiyin.execution.step import parameters

_STEP = re.compile(r"^class Config\(StepConfig\):", re.MULTILINE)


@dataclass(frozen=True)
class Verb:
    """An imported step module."""

    function: Callable[..., Any]
    config: type[StepConfig]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs."""
        return tuple(parameters(self.function))

    @property
    def required(self) -> tuple[str, ...]:
        """The inputs it cannot do without."""
        found = parameters(self.function).items()
        return tuple(name for name, parameter in found if parameter.default is inspect.Parameter.empty)


@lru_cache(maxsize=64)
def modules(section: str, package: str = "zhiyin") -> dict[str, Path]:
    """Return name to file of every step module of a section, without importing any."""
    spec = find_spec(f"{package}.{section}")
    folders = spec.submodule_search_locations if spec is not None else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.py"))
    return {file.stem: file for file in files if _STEP.search(file.read_text(encoding="utf-8"))}


def load(section: str, name: str, package: str = "zhiyin") -> Verb:
    """Import one step module; an ImportError inside it is not hidden.

    Raises `TypeError` when the module breaks the rule that a key of a recipe means one thing.
    """
    module = import_module(f"{package}.{section}.{name}")
    verb = Verb(getattr(module, name), module.Config)
    taken = {"name", *verb.inputs} & verb.config.model_fields.keys() | {"name"} & set(verb.inputs)
    if taken:
        raise TypeError(f"{module.__name__}: {', '.join(sorted(taken))} must be either a config field or an input")
    return verb
