"""The steps and plug-in families of the package, found and described by reading files, not importing them."""

import ast
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import zhiyin
from zhiyin.execution.catalog import Plugin, load, names
from zhiyin.locale.words import retell, say
from zhiyin.recipe import verbs
from zhiyin.recipe.config import SECTIONS
from zhiyin.records.licence import Licence

_FAMILY = re.compile(r"^class (\w+)\((?:[\w, ]*\b)?Plugin\b", re.MULTILINE)


@dataclass(frozen=True)
class Group:
    """The steps of one section, or the members of one family."""

    name: str
    """`training`, or `training/objectives`."""
    module: str
    contract: str
    """The abstract class of a family; empty for the steps of a section."""
    members: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the group is for."""
        return sentence(Path(zhiyin.__path__[0]) / self.name / "__init__.py")

    def sentence_of(self, member: str) -> str:
        """What one member is for."""
        return sentence(Path(zhiyin.__path__[0]) / self.name / f"{member}.py")


@dataclass(frozen=True)
class Field:
    """One key that a step or plug-in takes in a recipe."""

    name: str
    type: str
    default: str | None
    """How the default is written; None for a key that is required."""
    sentence: str


def groups() -> list[Group]:
    """Return the steps of every section that has some, each followed by the families below it."""
    root = Path(zhiyin.__path__[0])
    rooms = sorted(path.parent.name for path in root.glob("*/__init__.py"))
    found: list[Group] = []
    for room in [*SECTIONS, *(room for room in rooms if room not in SECTIONS)]:
        if room in SECTIONS and (steps := tuple(verbs.modules(room))):
            found.append(Group(room, f"zhiyin.{room}", "", steps))
        for file in sorted((root / room).glob("*/__init__.py")):
            if contract := _FAMILY.search(file.read_text(encoding="utf-8")):
                name = f"{room}/{file.parent.name}"
                module = name.replace("/", ".")
                files = sorted(path.stem for path in file.parent.glob("*.py") if not path.stem.startswith("_"))
                found.append(Group(name, f"zhiyin.{module}", contract[1], tuple(files)))
    return found


def sentence(file: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.。!?])(?<!et al\.)\s+(?=[A-Z`\d])", paragraph)[0]


@dataclass(frozen=True)
class Facts:
    """What `zhiyin ls` says of a data set."""

    home: str
    licence: Licence | None
    """None where the recipe says it, for the files can be anybody's."""
    size: str
    hub_id: str
    verified: bool


def facts(group: Group, member: str) -> Facts | None:
    """Return what a source says of its data set; None for any other plug-in, and for a step."""
    if group.name != "data/sources":
        return None
    from zhiyin.data.sources import Source

    found = load(Source, member)
    own = "licence" in found.model_fields
    hub_id = getattr(found, "hub_id", "")
    return Facts(found.home, None if own else cast("Licence", found.licence), found.size, hub_id, found.verified)


def inputs(group: Group, member: str) -> list[Field]:
    """Return the inputs of a step; a plug-in has none."""
    if group.contract:
        return []
    verb = verbs.load(group.name, member)
    hints = typing.get_type_hints(verb.function)
    return [
        Field(name, readable(hints[name]), None if name in verb.required else say("nothing"), "")
        for name in verb.inputs
    ]


def fields(group: Group, member: str) -> list[Field]:
    """Return the config fields of a step or plug-in; those of a block of fields by its name: `guards.probes`."""
    model: type[BaseModel]
    if group.contract:
        contract = getattr(import_module(group.module), group.contract)
        model = load(contract, member)
    else:
        model = verbs.load(group.name, member).config
    return list(_fields_of(model))


def _fields_of(model: type[BaseModel], block: str = "") -> Iterator[Field]:
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and not issubclass(inner, Plugin):
            yield from _fields_of(inner, f"{block}{name}.")
        else:
            yield Field(block + name, _typed(info), _default(info), " ".join((info.description or "").split()))


def _typed(info: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(mark, name):g}"
        for mark in info.metadata
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
        if getattr(mark, name, None) is not None
    ]
    return " ".join([readable(info.annotation), *bounds])


def _default(info: FieldInfo) -> str | None:
    if info.is_required():
        return None
    value = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Plugin | Licence):
        return retell(value.name)
    return say("nothing") if value is None else "true" if value is True else "false" if value is False else repr(value)


def readable(annotation: Any) -> str:
    """Write a type as a recipe's author thinks of it: `text`, `list of Filter (length, pattern)`."""
    plain = {
        str: say("text"),
        int: say("whole number"),
        float: say("number"),
        bool: "true/false",
        type(None): say("nothing"),
    }
    if annotation in plain:
        return plain[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return readable(arguments[0])
    if origin is typing.Literal:
        return f" {say('or')} ".join(repr(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return f" {say('or')} ".join(readable(argument) for argument in arguments)
    if origin in (tuple, list, frozenset, set):
        return say("list of {type}", type=readable(arguments[0]))
    if origin is not None and len(arguments) == 2:
        return say("mapping of {key} to {value}", key=readable(arguments[0]), value=readable(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, Plugin):
        return f"{annotation.__name__} ({', '.join(names(annotation))})"
    return say("path") if annotation is Path else getattr(annotation, "__name__", str(annotation))
