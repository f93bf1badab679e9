"""Plain text: every line, paragraph or file is a document; or a field of rows.

Home: any text of your own, or a corpus in rows, such as https://huggingface.co/datasets/wikimedia/wikipedia.
Licence: that of the text, say it in `licence`; Wikipedia's is CC BY-SA 4.0.
Size: any; a file is read line by line, but one with `unit: file` is held in memory.
Schema: `.txt`, `.md` and any file of another ending as text in UTF-8; rows of {text} in JSON lines, CSV and Parquet.

>>> source = Text(files=["."])
>>> source.record(Row("notes.txt:2", {"text": "高山流水遇知音。"})).text
'高山流水遇知音。'
"""

from collections.abc import Iterator
from typing import ClassVar

from zhiyin.artifacts import TextSet
from zhiyin.data import formats
from zhiyin.data.files import AnyFiles, FileRows, SourceFile
from zhiyin.data.lines import SUFFIXES, form
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.data.units import Unit, units
from zhiyin.records.conversation import Document
from zhiyin.records.jsonl import Rejected


class Text(AnyFiles, Source):
    """Documents."""

    yields: ClassVar = TextSet
    home: ClassVar = "any text of your own"
    size: ClassVar = "any; a file is read line by line, but one with `unit: file` is held in memory"
    verified: ClassVar = True
    expects: ClassVar = ("text",)
    usual: ClassVar = ("*.txt", "*.txt.gz", *FileRows.usual)

    unit: Unit = "line"
    """What one document is in a text file; paragraphs are parted by empty lines."""

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the rows of a file, or its units of text; empty lines are no documents."""
        if form(file.path).endswith(SUFFIXES):
            return formats.read(file.path, file.shown)
        return units(file, self.unit)

    def record(self, row: Row) -> Document:
        """Return the row's text as a document."""
        text = text_field(row.value, "text")
        if not text.strip():
            raise BadRow("an empty text")
        return Document(self.identify(row), text, self.data_set, self.kind)
