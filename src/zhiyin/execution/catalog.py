"""The file name is the registry: `name: simpo` in a recipe is the class in `objectives/simpo.py`.

A family is a package whose `__init__.py` holds one abstract `Plugin`, the contract. Beside it lies one file for
each member, holding one subclass. Nothing registers itself, and only the chosen file is imported.
"""

import difflib
import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar, cast

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, ValidationInfo, model_serializer

from zhiyin.execution.config import Config


class Plugin(Config):
    """A member of a family. Its name is its file's name."""

    @property
    def name(self) -> str:
        """The file name without `.py`."""
        return type(self).__module__.rpartition(".")[2]

    @model_serializer(mode="wrap")
    def _named(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"name": self.name, "code_version": self.code_version, **handler(self)}


F = TypeVar("F", bound=Plugin)
Family = Callable[..., F]
"""The abstract class of a family. Said as a callable, because mypy takes no abstract class for a `type[F]`."""


def names(family: type[Plugin]) -> tuple[str, ...]:
    """Return the members of a family by file name, without importing any of them."""
    found = pkgutil.iter_modules(import_module(family.__module__).__path__)
    return tuple(sorted(module.name for module in found if not module.name.startswith("_")))


def load(family: Family[F], name: str) -> type[F]:
    """Import one member and nothing else; an ImportError inside it is not hidden."""
    root = cast("type[F]", family)
    known = names(root)
    if name not in known:
        raise ValueError(f"no {root.__name__} is called {name!r}{nearest(name, known)}; there are {', '.join(known)}")
    module = import_module(f"{root.__module__}.{name}")
    members = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, root) and value.__module__ == module.__name__
    ]
    if len(members) != 1:
        raise TypeError(f"{module.__name__} must hold one {family.__name__}, it holds {len(members)}")
    return members[0]


def make(family: Family[F], value: str | Mapping[str, Any], *, context: Mapping[str, Any] | None = None) -> F:
    """Build a member from `simpo` or `{name: simpo, beta: 2.5}`; errors keep the place inside the mapping.

    `context={"recorded": True}` reads a config back from a manifest, when its input files may be gone.
    """
    fields = {"name": value} if isinstance(value, str) else dict(value)
    if context and context.get("recorded"):
        fields.pop("code_version", None)
    if not isinstance(fields.get("name"), str):
        raise ValueError(f"expected the name of a {cast('type[F]', family).__name__}, or a mapping with `name`")
    return load(family, fields.pop("name")).model_validate(fields, context=context)


def choice(family: type[Plugin]) -> BeforeValidator:
    """For a config field: read a name, or a mapping with `name`, as that member of the family."""

    def choose(value: object, info: ValidationInfo) -> object:
        if isinstance(value, str | Mapping):
            return make(family, value, context=info.context)
        if isinstance(value, family):
            return value
        raise ValueError(f"expected the name of a {family.__name__}, or a mapping with `name`")

    return BeforeValidator(choose)


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return ` (did you mean 'x'?)`, or nothing when no known name is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
