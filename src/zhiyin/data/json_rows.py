"""Rows from JSON text, and in plain words what is wrong with one that is none."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from zhiyin.data.lines import NUL, as_text
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected
from zhiyin.text.encodings import not_utf8

Decode = Callable[[bytes], Any]

_TRAILING = "trailing characters"
TOO_DEEP = "lists or objects nested too deep"
HALF = "half of a surrogate pair, as \\ud800 is alone"
LONE_HALF = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")
_KEY_END = re.compile(rb'"\s*:')
_FAULTS = (
    (re.compile(rb"\0"), NUL),
    (re.compile(rb"\A\s*(//|/\*|#)"), "not valid JSON: a comment"),
    (re.compile(rb"\A\s*\{\s*'"), "not valid JSON: names and texts stand in double quotes; is it a Python dict?"),
    (re.compile(rb"[:,\[]\s*-?(NaN|Infinity)\b"), "not valid JSON: NaN and Infinity are no numbers"),
    (LONE_HALF, f"not valid JSON: {HALF}"),
)
"""Faults told from the text, in the order they are looked for: what the parser says of them would puzzle."""


def json_row(where: str, raw: bytes, decode: Decode) -> Row | Rejected:
    """Read one row."""
    try:
        value = decode(raw)
        repeated = _repeated(raw, value) if isinstance(value, dict) else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(where, _reason(raw, error), as_text(raw))
    except RecursionError:
        return Rejected(where, TOO_DEEP, as_text(raw))
    if not isinstance(value, dict):
        return Rejected(where, f"a row must be a JSON object, not {type(value).__name__}", as_text(raw))
    if repeated is not None:
        return Rejected(where, f"the key {repeated!r} stands twice in an object", as_text(raw))
    return Row(where, value)


def _reason(raw: bytes, error: Exception) -> str:
    """Return a countable reason: the same words for the same fault, wherever in the row it stands."""
    if isinstance(error, UnicodeDecodeError) or "UTF-8" in str(error):
        return not_utf8(raw)
    for pattern, words in _FAULTS:
        if pattern.search(raw):
            return words
    said = re.sub(r" [(]byte [0-9]+[)]", "", str(error)).removeprefix("JSON is malformed: ")
    if said == _TRAILING:
        said = "more than one value on the line" + ("; its lines end with CR alone" if b"\r" in raw else "")
    return f"not valid JSON: {said}"


def _repeated(raw: bytes, value: dict[str, Any]) -> str | None:
    """Return a key that stands twice in one object: the parser silently keeps the last of the two.

    There are at least as many colons as keys were written. If no more than were read, none is lost; a text may hold
    colons too, so only those behind a quote are counted then; and if one holds even those, the row is read again.
    """
    colons = raw.count(b":")
    if colons == len(value) or colons == (count := _keys(value)) or len(_KEY_END.findall(raw)) == count:
        return None
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        found.extend(name for name, times in Counter(name for name, _ in items).items() if times > 1)

    json.loads(raw, object_pairs_hook=pairs)
    return found[0] if found else None


def _keys(value: dict[str, Any]) -> int:
    """Count the keys of an object and all inside it."""
    count = 0
    waiting: list[Any] = [value]
    while waiting:
        inner: Any = waiting.pop()
        if type(inner) is dict:
            count += len(inner)
            inner = inner.values()
        for one in inner:
            if type(one) is dict or type(one) is list:
                waiting.append(one)
    return count
