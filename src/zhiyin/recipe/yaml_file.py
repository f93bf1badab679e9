"""YAML 1.2 to plain values, with the line number of every path. Nothing else in the recipe room knows YAML."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, Event
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from zhiyin.execution.catalog import nearest
from zhiyin.recipe.document import Document, Place, Problem, RecipeError
from zhiyin.text.encodings import is_gb18030, wide

# `{seed: ${seed}}` is not YAML, because braces end a plain word there. The braces of a variable are
# therefore swapped for two private characters while YAML is read: the same length, so columns stay right.
_OPEN, _CLOSE = "\ue000", "\ue001"
_VARIABLE = re.compile(r"\$\{([^{}\n]*)\}")
_TYPED = ("null", "bool", "int", "float")
_STANDARD = "tag:yaml.org,2002:"
_PLAIN = (*_TYPED, "str", "seq", "map", "timestamp", "value", "merge")
"""The tags of plain values; YAML gives the last three to words such as `2024-01-01`, `=` and `<<`."""
_LARGEST = 2**20
"""Bytes of a recipe; a larger file is data, given in its place."""
_DEEPEST = 40
"""Levels of lists and mappings."""
_MOST = 20_000
"""Values in a recipe, each alias written out: aliases of aliases can stand for billions."""


def read(path: Path) -> Document:
    """Read a recipe file; raises `RecipeError` if it cannot be read, is not UTF-8, not YAML, or not a mapping.

    A duplicate key is noted in the document, to be reported with whatever else is wrong.
    """
    text = _text(path)
    reader = _Reader()
    try:
        node = reader.compose(text)
        data = reader.value(node, ()) if isinstance(node, MappingNode) else {}
    except (YAMLError, _TooLarge) as error:
        line, message = _plain(error, text)
        raise RecipeError([Problem(str(path), line, "", message)]) from error
    if node is None:
        raise RecipeError([Problem(str(path), 1, "", "the file is empty; a recipe starts with `title:`")])
    if not isinstance(node, MappingNode):
        message = "a recipe is a mapping of `title`, `variables` and sections, not a list or a single value"
        raise RecipeError([Problem(str(path), node.start_mark.line + 1, "", message)])
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
        value = None if node is None else reader.value(node, ())
    except (YAMLError, _TooLarge) as error:
        raise ValueError(_plain(error, text)[1]) from error
    if reader.faults:
        raise ValueError(reader.faults[0].message)
    return value


def _text(path: Path) -> str:
    try:
        content = _content(path)
    except OSError as error:
        message = f"the recipe file cannot be read: {error.strerror}"
        raise RecipeError([Problem(str(path), 0, "", message)]) from error
    if encoding := wide(content):
        message = f"the file is in {encoding}; save it as UTF-8"
        raise RecipeError([Problem(str(path), 1, "", message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        bad = content.split(b"\n")[line - 1]
        guess = "; it reads as GB18030 (GBK)" if is_gb18030(bad) else ""
        message = f"not UTF-8 (byte {error.start} is 0x{content[error.start]:02x}){guess}; save the file as UTF-8"
        raise RecipeError([Problem(str(path), line, "", message)]) from error


def _content(path: Path) -> bytes:
    """Return the bytes; raises `RecipeError` when the path leads to no recipe, `OSError` when it cannot be followed."""
    if not path.is_file():
        there = tuple(sorted(file.name for file in path.parent.glob("*.y*ml"))) if path.parent.is_dir() else ()
        known = f"; {path.parent} holds {', '.join(there)}" if there else ""
        what = "neither a file nor a folder; a recipe is a file" if path.exists() else "no such recipe file"
        what = "is a folder, not a recipe file" if path.is_dir() else what
        raise RecipeError([Problem(str(path), 0, "", f"{what}{nearest(path.name, there)}{known}")])
    if (size := path.stat().st_size) > _LARGEST:
        message = f"the file has {size:,} bytes, and a recipe at most {_LARGEST:,}; is it a data file?"
        raise RecipeError([Problem(str(path), 0, "", message)])
    return path.read_bytes()


class _TooLarge(ValueError):
    """More than a recipe can need: reading on would end in a full stack or a full memory."""

    def __init__(self, node: Node | Event, message: str) -> None:
        self.line = node.start_mark.line + 1
        super().__init__(message)


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
        self.count = 0

    def compose(self, text: str) -> Node | None:
        masked = _VARIABLE.sub(rf"${_OPEN}\1{_CLOSE}", text)
        depth = 0
        # Composing recurses; parsing does not, so it is asked first.
        for event in YAML(typ="safe", pure=True).parse(masked):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > _DEEPEST:
                raise _TooLarge(event, f"lists or mappings nested more than {_DEEPEST} deep; a recipe needs few levels")
        node: Node | None = self.yaml.compose(masked)
        return node

    def value(self, node: Node, place: Place) -> Any:
        self.count += 1
        if self.count > _MOST:
            raise _TooLarge(node, f"more than {_MOST:,} values, with every alias written out; a recipe needs few")
        tag = str(node.tag).removeprefix(_STANDARD)
        if tag not in _PLAIN:
            shown = f"!!{tag}" if str(node.tag) != tag else tag
            return self._fault(place, node, f"the tag {shown} is not known; a recipe has plain values only")
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
            if str(key.tag) == f"{_STANDARD}merge":
                self._fault(place, key, "YAML 1.2 has no merge key `<<`; write out the fields it stands for")
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
        kind = str(node.tag).removeprefix(_STANDARD)
        if kind not in _TYPED:
            return _with_braces(node.value)
        shown = node.value if len(node.value) <= 40 else f"{node.value[:37]}..."
        try:
            value = self.yaml.constructor.construct_object(node)
        except (ValueError, KeyError):
            return self._fault(place, node, f"{shown!r} is not of the type !!{kind}")
        if isinstance(value, float) and not math.isfinite(value):
            return self._fault(place, node, f"{shown} is not a finite number; give one that is")
        return value

    def _fault(self, place: Place, node: Node, message: str, *, spoils: bool = True) -> None:
        self.faults.append(_Fault(place, node.start_mark.line + 1, message, spoils))


def _with_braces(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _plain(error: YAMLError | _TooLarge, text: str) -> tuple[int, str]:
    """Return the line of a YAML error and what it says, in one line."""
    if isinstance(error, _TooLarge):
        return error.line, str(error)
    advice = "check the indentation, and quote text that holds ': ' or ' #' or starts with a special character"
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return error.problem_mark.line + 1, f"not valid YAML: {_with_braces(said)}; {advice}"
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return line, f"not valid YAML: the character U+{error.character:04X} is not allowed; remove it"
    return 1, f"not valid YAML: {error}; {advice}"
