"""Which items of two prompt sets are the same, whatever they are called and wherever they stand."""

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import structs

from zhiyin.records.prompt import Prompt


def twins(before: Iterable[Prompt], after: Iterable[Prompt]) -> dict[str, str]:
    """Return for each prompt that stands in both sets its id before and its id after.

    Twins are equal in all but the id: the turns, the choices, the reference, the group, everything. Where a set asks
    the same more than once, equal ids come together first, and the rest in order.
    """
    waiting: dict[bytes, dict[str, None]] = {}
    for prompt in after:
        waiting.setdefault(_content(prompt), {})[prompt.id] = None
    asked = [(prompt.id, waiting.get(_content(prompt), {})) for prompt in before]
    found: dict[str, str] = {}
    for name, ids in asked:
        if name in ids:
            del ids[name]
            found[name] = name
    for name, ids in asked:
        if name not in found and ids:
            found[name] = next(iter(ids))
            del ids[found[name]]
    return {name: found[name] for name, _ in asked if name in found}


def _content(prompt: Prompt) -> bytes:
    return hashlib.sha256(msgspec.json.encode(structs.replace(prompt, id=""), order="sorted")).digest()
