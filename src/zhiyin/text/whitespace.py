"""One form of white space for every text; letters and full-width punctuation stay as they are."""

import re

# C0 and C1 controls but tab and newlines, soft hyphen, zero-width space, word joiner, byte order mark.
# ZWNJ and ZWJ stay: they hold emoji and some scripts together.
_INVISIBLE = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff"
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
    if _ODD.search(text):
        text = _NEWLINE.sub("\n", text).replace("\u2029", "\n\n")
        text = re.sub(f"[{_SPACES}]", " ", text)
        text = re.sub(f"[{_INVISIBLE}]", "", text)
    if "\n" in text:
        text = _GAP.sub("\n\n", _TRAILING.sub("", text))
    return text.strip()
