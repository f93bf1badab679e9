"""One form of white space for every text; letters and full-width punctuation stay as they are."""

import re

from zhiyin.text.faults import CONTROLS

# Control characters, soft hyphen, zero-width space, word joiner, byte order mark.
# ZWNJ and ZWJ stay: they hold emoji and some scripts together.
_INVISIBLE = f"{CONTROLS}\xad\u200b\u2060\ufeff"
# No-break, typographic and mathematical spaces. The ideographic space U+3000 stays: it indents Chinese paragraphs.
_SPACES = "\xa0\u1680\u2000-\u200a\u202f\u205f"
_ODD = re.compile(f"[{_INVISIBLE}{_SPACES}\r\x0b\x0c\x85\u2028\u2029]")

_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028]")
_TRAILING = re.compile("[ \t\u3000]+(?=\n)")
_GAP = re.compile("\n{3,}")


def tidy(text: str) -> str:
    """Return the text with plain newlines and spaces, no blanks at line ends, no more than one empty line in a row.

    Blanks around the whole text go too, as chat templates trim turns anyway. It is idempotent.
    """
    # A printable text has no newline, and no blank or invisible character but the space.
    if text.isprintable():
        return text.strip()
    # Nor has one that is printable without these three: looking is five times as fast as the pattern.
    bare = text.replace("\n", "").replace("\t", "").replace("\u3000", "")
    if not bare.isprintable() and _ODD.search(bare):
        text = _NEWLINE.sub("\n", text).replace("\u2029", "\n\n")
        text = re.sub(f"[{_SPACES}]", " ", text)
        text = re.sub(f"[{_INVISIBLE}]", "", text)
    # Searching for a plain string is ten times as fast as a pattern, and most texts hold none of these.
    if " \n" in text or "\t\n" in text or "\u3000\n" in text:
        text = _TRAILING.sub("", text)
    if "\n\n\n" in text:
        text = _GAP.sub("\n\n", text)
    return text.strip()
