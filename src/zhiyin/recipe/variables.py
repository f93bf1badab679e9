"""`${name}` in a recipe's values, of which `${language}` is always there: `en` or `zh`, as the user's locale says."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zhiyin.execution.catalog import nearest
from zhiyin.locale.words import spoken
from zhiyin.recipe.document import Document, Place

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_LONGEST = 100_000
"""Characters of a text with variables: variables of variables can stand for billions."""


def with_language(document: Document) -> Document:
    """Add the variable `language`, unless the recipe sets it; an override or another recipe may give another value."""
    written = document.data.get("variables")
    if written is not None and not isinstance(written, dict):
        return document
    return replace(document, data={**document.data, "variables": {"language": spoken(), **(written or {})}})


def substitute(document: Document) -> Document:
    """Replace every `${name}`. Alone it keeps the variable's type; inside a text it becomes text.

    An unknown variable is noted in the document, and the value is left as it stands.
    """
    written = document.data.get("variables")
    every = tuple(written) if isinstance(written, dict) else ()
    known: dict[str, Any] = {}
    for name in every:
        known[name] = _filled(document, ("variables", name), document.data["variables"][name], known, every)
    data = {
        key: known if key == "variables" and every else _filled(document, (key,), value, known, every)
        for key, value in document.data.items()
    }
    return replace(document, data=data)


def _filled(document: Document, place: Place, value: Any, known: Mapping[str, Any], every: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(document, (*place, key), inner, known, every) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(document, (*place, index), inner, known, every) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _REFERENCE.findall(value):
        if name not in known:
            cycle = _cycle(document, place[1], name) if place[0] == "variables" else ()
            message = f"a cycle: {' reads '.join(cycle)}; give one of them a value" if cycle else _unknown(name, every)
            document.spoil(place, message)
            document.spoilt.update(("variables", one) for one in cycle)
            return value
    if whole := _REFERENCE.fullmatch(value):
        return known[whole[1]]
    filled = _REFERENCE.sub(lambda found: _as_text(known[found[1]]), value)
    if len(filled) > _LONGEST:
        document.spoil(
            place, f"the variables in it make a text of {len(filled):,} characters; at most {_LONGEST:,} fit"
        )
        return value
    return filled


def _cycle(document: Document, start: str | int, name: str) -> tuple[str, ...]:
    """Return the way from a variable through `name` back to it, or nothing when there is none."""
    written, way, seen = document.data["variables"], [str(start)], set[str]()

    def back(at: str) -> bool:
        way.append(at)
        if at == start:
            return True
        value = written.get(at) if at not in seen else None
        seen.add(at)
        if isinstance(value, str) and any(back(inner) for inner in _REFERENCE.findall(value)):
            return True
        way.pop()
        return False

    return tuple(way) if back(name) else ()


def _unknown(name: str, every: tuple[str, ...]) -> str:
    if name in every:
        return f"the variable {name!r} is not set yet here; move it above under `variables:`"
    return f"no variable is called {name!r}{nearest(name, every)}; there are {', '.join(every)}; `variables:` adds one"


def _as_text(value: object) -> str:
    """Write a value the way YAML does."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
