"""Which language a text is in: Han characters against words of other scripts, code and addresses left out."""

import re
from typing import Literal

_HAN_CLASS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
HAN = re.compile(f"[{_HAN_CLASS}]")
"""A Han character of any block."""
WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u0400-\u04ff]+(?:['’-][A-Za-z\u00c0-\u024f\u0400-\u04ff]+)*")
"""A word in Latin or Cyrillic letters."""
KANA_AND_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
"""A letter of Japanese or Korean."""
_HAN_RUN = re.compile(f"[{_HAN_CLASS}]+")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+|\$[^$\n]+\$", re.DOTALL)

Language = Literal["zh", "en", "other", ""]


def without_code(text: str) -> str:
    """Return the text with a blank in place of code, formulas and addresses."""
    return _CODE.sub(" ", text) if "`" in text or "$" in text or "://" in text else text


def count_han(text: str) -> int:
    """Return the number of Han characters."""
    return len(text) - len(_HAN_RUN.sub("", text))


def count_words(text: str) -> int:
    """Return the number of words in Latin or Cyrillic letters."""
    return len(WORD.findall(text))


def is_chinese(text: str) -> bool:
    """Tell whether a text is Chinese: more Han characters than words of other scripts, no kana, no hangul."""
    text = without_code(text)
    return not KANA_AND_HANGUL.search(text) and count_han(text) > count_words(text)


def language(text: str) -> Language:
    """Name the language: `zh`, `en` (Latin or Cyrillic letters), `other` (kana, hangul), `""` where nothing tells."""
    text = without_code(text)
    if KANA_AND_HANGUL.search(text):
        return "other"
    han, words = count_han(text), count_words(text)
    # A single letter answers a question in any language.
    if han + words < 2:
        return ""
    return "zh" if han > words else "en"
