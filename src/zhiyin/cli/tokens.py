"""Records token by token in the terminal: what the loss counts stands in green between double angle brackets."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from zhiyin.locale.words import say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from zhiyin.records.inspection import Piece, Shown

BETWEEN = "|"
"""Stands between two tokens."""


def print_tokens(out: "Console", folder: Path) -> None:
    """Print the samples of an inspection."""
    from zhiyin.artifacts import Inspection

    out.print(say("Token by token; the loss counts what stands in «»"), style="bold")
    for one in Inspection(folder).samples:
        out.print(f"  {_head(one)}")
        out.print(_tokens(one.pieces), soft_wrap=True)
        if one.rest:
            out.print(say("{count} more tokens", count=one.rest))


def _head(one: "Shown") -> str:
    kind = f"{one.source}, {one.kind}" if one.kind else one.source
    length = say("{count} tokens", count=one.tokens)
    over = f", {say('over the limit')}" if one.over else ""
    return f"{one.set}  {one.id}  ({kind}; {length}{over})"


def _tokens(pieces: "tuple[Piece, ...]") -> "Text":
    from rich.text import Text

    line = Text()
    for supervised, run in groupby(pieces, key=lambda piece: piece.supervised):
        text = BETWEEN.join(piece.text.replace("\n", "↵\n") for piece in run)
        line.append(f"«{text}»" if supervised else text, style="green" if supervised else "dim")
    return line
