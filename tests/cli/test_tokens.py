"""Tokens in the terminal: what the loss counts is told apart without any colour."""

from pathlib import Path

from rich.console import Console

from zhiyin.cli.tokens import print_tokens
from zhiyin.records import jsonl
from zhiyin.records.inspection import Piece, Shown


def test_supervised_tokens_stand_in_angle_brackets(tmp_path: Path) -> None:
    pieces = (
        Piece("<bos>", (2,), False),
        Piece("问\n", (7, 8), False),
        Piece("[bold]答", (9,), True),
        Piece("案", (10, 11), True),
        Piece("\n", (12,), False),
    )
    jsonl.write(tmp_path / "samples.jsonl", [Shown("a", "1", "s", "诗", 9, True, pieces, 4)])
    console = Console(width=80, color_system=None, record=True)
    print_tokens(console, tmp_path)
    assert console.export_text().splitlines() == [
        "Token by token; the loss counts what stands in «»",
        "  a  1  (s, 诗; 9 tokens, over the limit)",
        "<bos>|问↵",
        "«[bold]答|案»↵",
        "",
        "4 more tokens",
    ]
