"""Characters that no one wrote: control characters, and what is left of a text that was read in a wrong encoding."""

import re

# Marks that turn the direction of writing are noise in Chinese, and a way to hide what a text says. Not among these
# characters: ZWNJ, ZWJ, variation selectors and tags, which hold emoji and some scripts together.
CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff"
"""Control characters, as they stand inside the brackets of a pattern: no tab, no line break, no part of an emoji."""
CONTROL = re.compile(f"[{CONTROLS}]")

# The bytes 80 to BF, as Latin-1 and Windows-1252 show them.
_BYTES = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
# U+FFFD, private use, and letters that only a Chinese or typographic character read as Latin-1 makes so dense.
_FIRST = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd锟烫屯\u00c2-\u00f4]")
_BROKEN = re.compile(
    "[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]"
    "|锟斤拷|烫烫烫|屯屯屯"
    # UTF-8 read as Latin-1 or Windows-1252: accented letters; typographic signs; two Chinese characters at least.
    "|[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac"
    f"|(?:[\u00e4-\u00e9][{_BYTES}]{{2}}){{2,}}"
)


def count_broken(text: str) -> int:
    """Return how many characters are replacements, of private use, or letters of a wrongly read encoding."""
    return len(_BROKEN.findall(text)) if _FIRST.search(text) else 0
