"""The English that the package's code makes for people, found by reading it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house.tree import Module

VALUE = re.compile(r"\{\w+\}")
SAID = {"say", "counted", "t"}
"""Calls whose text is looked up before its values are in."""

_WORD = re.compile(r"(?<![\w./\-<$@])[A-Za-z][a-z']+(?![\w./\-=>(\[])")
_CODE = re.compile(r"\{%|\{\{ |</?\w+[ >]|\(\?|\\[wsdb]")
"""Jinja, Go templates, markup, regular expressions."""


@dataclass(frozen=True)
class Sentence:
    """One text as it stands in the catalogue, its values numbered: `no step is called {0}`."""

    module: str
    line: int
    text: str


def is_prose(text: str) -> bool:
    """Tell whether a text holds a word beside another word or a value, and is not code of another language."""
    parts = [part for part in VALUE.sub(" {} ", text).split() if part == "{}" or _WORD.search(part)]
    return len(parts) > 1 and any(part != "{}" for part in parts) and " " in text.strip() and not _CODE.search(text)


def numbered(node: ast.expr) -> str | None:
    """Return a literal or f-string with its values numbered; values side by side are one."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [str(value.value) if isinstance(value, ast.Constant) else None for value in node.values]
    return _joined([part for at, part in enumerate(parts) if part is not None or at == 0 or parts[at - 1] is not None])


def entries(text: str) -> Iterator[str]:
    """Yield each line in the catalogue's form: what leans on other text has a value on that side."""
    for number, line in enumerate(text.split("\n")):
        parts: list[str | None] = []
        for at, part in enumerate(VALUE.split(line.strip())):
            parts += [None, part] if at else [part]
        before = [None] if re.match(r"[ ;,:]" if number == 0 else r"[;,:]", line) else []
        gap = [" "] if before and line.startswith(" ") else []
        after = [" ", None] if line.endswith(" ") else []
        if is_prose(line):
            yield _joined([*before, *gap, *(part for part in parts if part != ""), *after])


def _joined(parts: list[str | None]) -> str:
    """Put texts together, with a numbered value where None stands."""
    count, text = 0, ""
    for part in parts:
        text += part if part is not None else f"{{{count}}}"
        count += part is None
    return text


def _skipped(tree: ast.Module) -> set[int]:
    """Return the nodes that are no sentence of their own: docstrings, annotations, parts of f-strings, what is said."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            skipped |= {id(inner) for inner in ast.walk(node.format_spec)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID:
            skipped |= {id(argument) for argument in node.args}
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.Constant):
                skipped.add(id(annotation))
    return skipped


def sentences(module: Module) -> Iterator[Sentence]:
    """Yield every prose-like text of a module that is neither a docstring nor said."""
    skipped = _skipped(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.expr) and id(node) not in skipped:
            text = numbered(node)
            for line in entries(text or ""):
                yield Sentence(module.name, node.lineno, line)


def said(module: Module) -> Iterator[tuple[int, tuple[str, ...] | None]]:
    """Yield the line and the text of every call that looks words up: one, or two for a plural; None if not literal."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID and node.args:
            given = node.args[:2] if node.func.id == "counted" else node.args[:1]
            texts = tuple(
                each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
            yield node.lineno, texts if len(texts) == len(given) else None
