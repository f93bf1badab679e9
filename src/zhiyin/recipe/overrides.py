"""`key.path=value` on the command line: a variable, a label's field, or a full path, checked against the file."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zhiyin.execution.catalog import nearest
from zhiyin.recipe.config import SECTIONS
from zhiyin.recipe.document import Document, Place, Problem
from zhiyin.recipe.yaml_file import value_of


def override(document: Document, words: Sequence[str]) -> Document:
    """Return the document with every override set; one that cannot be is noted in the document.

    `seed=1` sets a variable, `sft.beta=1` a field of the step `sft`, `training.sft.beta=1` the same in full.
    """
    if not words:
        return document
    data, lines, overridden = copy.deepcopy(document.data), dict(document.lines), dict(document.overridden)
    for word in words:
        path, equals, text = word.partition("=")
        try:
            if not equals:
                raise ValueError("expected key.path=value, such as seed=1 or sft.learning_rate=1e-3")
            place = _set(data, _place(data, path.strip()), value_of(text))
        except ValueError as error:
            document.problems.append(Problem("command line", 0, word, str(error)))
            continue
        lines = {at: line for at, line in lines.items() if at[: len(place)] != place}
        overridden[place] = word
    return replace(document, data=data, lines=lines, overridden=overridden)


def _place(data: dict[str, Any], path: str) -> Place:
    """Find what a path names; raises `ValueError` with the nearest when nothing is called that."""
    head, *rest = path.split(".")
    variables = tuple(data["variables"]) if isinstance(data.get("variables"), dict) else ()
    labels = {label: name for name in SECTIONS for label in _entries(data, name)}
    if head in ("title", "licences") and not rest:
        return (head,)
    if head == "variables" and rest:
        if rest[0] not in variables or len(rest) > 1:
            raise ValueError(f"no variable is called {'.'.join(rest)!r}{nearest(rest[0], variables)}")
        return (head, *rest)
    if head in SECTIONS and rest and rest[0] in _entries(data, head):
        return (head, *rest)
    if head in labels:
        return (labels[head], head, *rest)
    if head in SECTIONS and rest:
        within = tuple(_entries(data, head))
        raise ValueError(f"no step of {head} has the label {rest[0]!r}{nearest(rest[0], within or tuple(labels))}")
    if head in variables and not rest:
        return ("variables", head)
    what = "label" if rest else "variable"
    first, then = (tuple(labels), SECTIONS) if rest else (variables, tuple(labels))
    near = nearest(head, first) or nearest(head, then)
    raise ValueError(f"no {what} is called {head!r}{near}; there are {', '.join(first) or 'none'}")


def _entries(data: dict[str, Any], section: str) -> dict[str, Any]:
    entries = data.get(section)
    return entries if isinstance(entries, dict) else {}


def _set(data: dict[str, Any], place: Place, value: Any) -> Place:
    """Put a value at a place and return the place, with list indices as numbers.

    A plug-in given by name alone becomes a mapping, so that its fields can be set.
    """
    inner: Any = data
    exact: list[str | int] = []
    for depth, key in enumerate(place[:-1], start=1):
        at = _key(inner, key, place[:depth])
        found = inner.get(at) if isinstance(inner, dict) else inner[at]
        if isinstance(found, str):
            found = {"name": found}
        elif found is None:
            found = {}
        elif not isinstance(found, dict | list):
            raise ValueError(f"{'.'.join(map(str, place[:depth]))} is {found!r}, which has nothing inside to set")
        exact.append(at)
        inner[at] = found
        inner = found
    last = _key(inner, place[-1], place)
    inner[last] = value
    return (*exact, last)


def _key(inner: dict[str, Any] | list[Any], key: str | int, place: Place) -> Any:
    """Return the key or list index a word of a path stands for."""
    if isinstance(inner, dict):
        return key
    where = ".".join(map(str, place[:-1]))
    if not inner:
        raise ValueError(f"{where} is an empty list; set it as a whole, {where}=[...]")
    if not str(key).isdecimal() or int(key) >= len(inner):
        raise ValueError(
            f"{where} is a list of {len(inner)}; expected an index from 0 to {len(inner) - 1}, got {key!r}"
        )
    return int(key)
