"""Text files as rows: each line, paragraph or whole file is one."""

from collections.abc import Iterator
from typing import Literal

from zhiyin.data import lines
from zhiyin.data.files import SourceFile
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected

Unit = Literal["line", "paragraph", "file"]


def units(file: SourceFile, unit: Unit) -> Iterator[Row | Rejected]:
    """Yield the units of a file as rows of {text}; blank ones are none."""
    for found in lines.texts(_joined(lines.text_lines(file.path, file.shown), unit), file.shown):
        yield found if isinstance(found, Rejected) else Row(found[0], {"text": found[1]})


def _joined(found: Iterator[tuple[int, bytes] | Rejected], unit: Unit) -> Iterator[tuple[int, bytes] | Rejected]:
    """Join lines into units; each has the number of its first line."""
    held: list[bytes] = []
    start = 0
    for each in found:
        if isinstance(each, Rejected):
            yield each
            continue
        number, line = each
        blank = not line.strip()
        if held and (unit == "line" or (unit == "paragraph" and blank)):
            yield start, b"\n".join(held)
            held = []
        if held or not blank:
            start = start if held else number
            held.append(line)
    if held:
        yield start, b"\n".join(held)
