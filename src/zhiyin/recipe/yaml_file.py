"""YAML 1.2 to plain values, with the line number of every path. Nothing else in the recipe room knows YAML."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from zhiyin.execution.catalog import nearest
from zhiyin.recipe.document import Document, Place, Problem, RecipeError

# `{seed: ${seed}}` is not YAML, because braces end a plain word there. The braces of a variable are
# therefore swapped for two private characters while YAML is read: the same length, so columns stay right.
_OPEN, _CLOSE = "\ue000", "\ue001"
_VARIABLE = re.compile(r"\$\{([^{}\n]*)\}")
_TYPED = ("null", "bool", "int", "float")


def read(path: Path) -> Document:
    """Read a recipe file; raises `RecipeError` if it is missing, not UTF-8, not YAML, or not a mapping.

    A duplicate key is noted in the document, to be reported with whatever else is wrong.
    """
    text = _text(path)
    reader = _Reader()
    try:
        node = reader.compose(text)
    except YAMLError as error:
        line, message = _plain(error, text)
        raise RecipeError([Problem(str(path), line, "", message)]) from error
    if node is None:
        raise RecipeError([Problem(str(path), 1, "", "the file is empty; a recipe starts with `title:`")])
    if not isinstance(node, MappingNode):
        message = "a recipe is a mapping of `title`, `variables` and sections, not a list or a single value"
        raise RecipeError([Problem(str(path), node.start_mark.line + 1, "", message)])
    data = reader.value(node, ())
    document = Document(str(path), data, reader.lines)
    for fault in reader.faults:
        document.complain(fault.place, fault.message, fault.line)
        if fault.spoils:
            document.spoilt.add(fault.place)
    return document


def value_of(text: str) -> Any:
    """Read one value, as given on the command line; raises `ValueError` if it is not YAML."""
    reader = _Reader()
    try:
        node = reader.compose(text)
    except YAMLError as error:
        raise ValueError(_plain(error, text)[1]) from error
    value = None if node is None else reader.value(node, ())
    if reader.faults:
        raise ValueError(reader.faults[0].message)
    return value


def _text(path: Path) -> str:
    if not path.is_file():
        there = tuple(sorted(file.name for file in path.parent.glob("*.y*ml"))) if path.parent.is_dir() else ()
        known = f"; {path.parent} holds {', '.join(there)}" if there else ""
        what = "is a folder, not a recipe file" if path.is_dir() else "no such recipe file"
        raise RecipeError([Problem(str(path), 0, "", f"{what}{nearest(path.name, there)}{known}")])
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 (byte {error.start} is 0x{content[error.start]:02x}); save the file as UTF-8"
        raise RecipeError([Problem(str(path), line, "", message)]) from error


@dataclass(frozen=True)
class _Fault:
    """Something YAML allows and a recipe does not."""

    place: Place
    line: int
    message: str
    spoils: bool
    """The value could not be read, so that nothing else should be said of it."""


class _Reader:
    """Turns YAML nodes into values and notes the line of each."""

    def __init__(self) -> None:
        self.yaml = YAML(typ="safe", pure=True)
        self.lines: dict[Place, int] = {}
        self.faults: list[_Fault] = []
        self.open: list[Node] = []

    def compose(self, text: str) -> Node | None:
        node: Node | None = self.yaml.compose(_VARIABLE.sub(rf"${_OPEN}\1{_CLOSE}", text))
        return node

    def value(self, node: Node, place: Place) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        if any(node is outer for outer in self.open):
            return self._fault(place, node, "an alias (*name) that contains itself")
        self.open.append(node)
        value = self._list(node, place) if isinstance(node, SequenceNode) else self._mapping(node, place)
        self.open.pop()
        return value

    def _list(self, node: SequenceNode, place: Place) -> list[Any]:
        items = []
        for index, child in enumerate(node.value):
            self.lines[(*place, index)] = child.start_mark.line + 1
            items.append(self.value(child, (*place, index)))
        return items

    def _mapping(self, node: Node, place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, child in node.value:
            if not isinstance(key, ScalarNode):
                self._fault(place, key, "a key must be one word; this one is a list or a mapping", spoils=False)
                continue
            name = _with_braces(key.value)
            if name in lines:
                message = f"the key {name!r} stands on line {lines[name]} already; keep one of the two"
                self._fault((*place, name), key, message, spoils=False)
                continue
            lines[name] = self.lines[(*place, name)] = key.start_mark.line + 1
            mapping[name] = self.value(child, (*place, name))
        return mapping

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        """Only YAML's numbers, booleans and null have a type; a date stays the text it is."""
        kind = str(node.tag).rpartition(":")[2]
        if kind in _TYPED:
            try:
                return self.yaml.constructor.construct_object(node)
            except ValueError:
                return self._fault(place, node, f"{node.value!r} is not of the type !!{kind}")
        if str(node.tag).startswith("!"):
            return self._fault(place, node, f"the tag {node.tag} is not known; a recipe has plain values only")
        return _with_braces(node.value)

    def _fault(self, place: Place, node: Node, message: str, *, spoils: bool = True) -> None:
        self.faults.append(_Fault(place, node.start_mark.line + 1, message, spoils))


def _with_braces(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _plain(error: YAMLError, text: str) -> tuple[int, str]:
    """Return the line of a YAML error and what it says, in one line."""
    advice = "check the indentation, and quote text that holds ': ' or ' #' or starts with a special character"
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return error.problem_mark.line + 1, f"not valid YAML: {_with_braces(said)}; {advice}"
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return line, f"not valid YAML: the character U+{error.character:04X} is not allowed; remove it"
    return 1, f"not valid YAML: {error}; {advice}"
