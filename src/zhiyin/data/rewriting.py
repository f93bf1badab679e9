"""One form for the texts of records: Unicode form, script, white space. What is not asked for stays as it was."""

import unicodedata
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from zhiyin.text.faults import CONTROL
from zhiyin.text.script import Converter, Script, converted
from zhiyin.text.whitespace import tidy

UnicodeForm = Literal["keep", "nfc", "nfkc"]
Whitespace = Literal["tidy", "keep"]


class Rewriting(Struct, frozen=True):
    """What is done to every text, in this order: Unicode form, script, white space and invisible characters."""

    unicode: UnicodeForm = "keep"
    script: Script | Literal["keep"] = "keep"
    converter: Converter = "table"
    whitespace: Whitespace = "tidy"
    """`keep` takes away nothing but control characters."""

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Return the texts rewritten; doing it twice changes nothing more, but for OpenCC's phrases."""
        if self.unicode != "keep":
            form: Literal["NFC", "NFKC"] = "NFC" if self.unicode == "nfc" else "NFKC"
            texts = [_normal(form, text) for text in texts]
        if self.script != "keep":
            texts = converted(texts, self.script, self.converter)
        return [tidy(text) if self.whitespace == "tidy" else CONTROL.sub("", text) for text in texts]


def _normal(form: Literal["NFC", "NFKC"], text: str) -> str:
    # The test is a fifth of the work, and most Chinese texts pass it in NFC.
    return text if unicodedata.is_normalized(form, text) else unicodedata.normalize(form, text)
