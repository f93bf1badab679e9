"""Text in the columns of a terminal, where a Chinese character takes two."""

import re
from unicodedata import east_asian_width

_UNIT = re.compile(
    r"""[（《“‘]*                     # nothing is torn from the bracket before it
        (?:[一-鿿]|[^\s一-鿿（《，。；：、）》！？]+)?
        [，。；：、）》”’！？]*        # nor from the mark after it
        \s*""",
    re.VERBOSE,
)


def width(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, columns: int) -> str:
    """Return the text with spaces after it, so that the next one begins in the same column of every line."""
    return text + " " * (columns - width(text))


def wrapped(text: str, columns: int) -> list[str]:
    """Break a text into lines, at spaces and between Chinese characters; a longer word stands alone."""
    lines = [""]
    for unit in _UNIT.findall(" ".join(text.split())):
        if lines[-1] and width(lines[-1] + unit.rstrip()) > columns:
            lines.append("")
        lines[-1] += unit
    return [line.rstrip() for line in lines]
