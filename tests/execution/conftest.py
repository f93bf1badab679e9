"""A runtime with a store of its own, and a family of plug-ins written for the test."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from zhiyin.execution.runtime import Runtime

FAMILY = '''
"""A family."""
from abc import ABC
from typing import Annotated
from pydantic import SerializeAsAny
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.execution.config import StepConfig

class Flavour(Plugin, ABC):
    """Anything with a taste."""

AnyFlavour = Annotated[SerializeAsAny[Flavour], choice(Flavour)]

class CookConfig(StepConfig):
    flavour: AnyFlavour
    """How it tastes."""
'''
MEMBERS = {
    "sweet": """
        class Sweet(Flavour):
            spoons: int = 2
            '''Of sugar.'''
        """,
    "sour": """
        class Sour(Flavour):
            pass
        """,
    "broken": "import no_such_package_anywhere",
    "double": """
        class One(Flavour):
            pass
        class Two(Flavour):
            pass
        """,
    "empty": "VALUE = 1",
    "_private": "raise AssertionError('a private file was imported')",
}


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(store=tmp_path / "store")


@pytest.fixture
def make_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], ModuleType]]:
    """Return a function that writes the package `flavours` anew and imports it."""
    monkeypatch.syspath_prepend(tmp_path / "packages")

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "flavours"]:
            del sys.modules[name]

    def build(**members: str) -> ModuleType:
        forget()
        package = tmp_path / "packages" / "flavours"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(FAMILY)
        for name, body in {**MEMBERS, **members}.items():
            lines = body.split("\n")
            indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
            text = "\n".join(line[indent:] for line in lines)
            (package / f"{name}.py").write_text(f"from flavours import Flavour\n{text}\n")
            for compiled in package.glob(f"__pycache__/{name}.*"):
                compiled.unlink()
        return import_module("flavours")

    yield build
    forget()


@pytest.fixture
def family(make_family: Callable[[], ModuleType]) -> ModuleType:
    return make_family()
