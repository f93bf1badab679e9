"""The page of an inspection: a table of lengths, and records whose tokens can be told apart."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from zhiyin.locale.words import Language, words
from zhiyin.records.inspection import Lengths, Shown

MARKS = {code: 0x2400 + code for code in range(32) if chr(code) != "\n"} | {0x20: 0xB7, 0x3000: 0x25A1, 0xA: 0x21B5}
"""What no one sees in a token, and what is shown for it; a line break is shown and made."""


def render(
    language: Language,
    *,
    limit: int,
    table: Sequence[Lengths],
    shown: Sequence[Shown],
    summary: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the page, which holds all it needs."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.globals.update(t=words(language).say, language=language, seen=visible)
    text = (files("zhiyin.data") / "templates" / "inspection.html.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render(limit=limit, table=table, shown=shown, summary=summary)


def visible(text: str) -> str:
    """Return a token's text with a picture for each blank and control character."""
    return text.translate(MARKS)
