"""Plain text: every line, paragraph or file is a document; or a field of rows.

Home: any text of your own, or a corpus in rows, such as https://huggingface.co/datasets/wikimedia/wikipedia.
Licence: that of the text; Wikipedia's is CC BY-SA 4.0.
Size: any; a file is read line by line, but one with `unit: file` is held in memory.
Schema: `.txt`, `.md` and any file of another ending as text in UTF-8; JSON lines, CSV and Parquet by their text field.

>>> source = Text(files=["."])
>>> source.record(Row("notes.txt:2", {"text": "高山流水遇知音。"})).text
'高山流水遇知音。'
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from zhiyin.artifacts import TextSet
from zhiyin.data import formats, lines
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.conversation import Document
from zhiyin.records.jsonl import Rejected


class Text(FileRows, Source):
    """Documents."""

    yields: ClassVar = TextSet
    usual: ClassVar = ("*.txt", "*.txt.gz", *FileRows.usual)

    unit: Literal["line", "paragraph", "file"] = "line"
    """What one document is in a text file; paragraphs are parted by empty lines."""
    field: str = "text"
    """The field that holds the text, where files have rows."""
    kind: str = ""
    """The genre written into every document."""

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the rows of a file, or its units of text; empty lines are no documents."""
        if lines.form(file.path).endswith(lines.SUFFIXES):
            yield from formats.read(file.path, file.shown)
            return
        for unit in self._units(lines.text_lines(file.path, file.shown)):
            if isinstance(unit, Rejected):
                yield unit
                continue
            where = f"{file.shown}:{unit[0]}"
            text = lines.decoded(where, unit[1])
            yield text if isinstance(text, Rejected) else Row(where, {self.field: text})

    def record(self, row: Row) -> Document:
        """Return the row's text as a document."""
        text = text_field(row.value, self.field)
        if not text.strip():
            raise BadRow("an empty text")
        return Document(self.identify(row), text, self.data_set, self.kind)

    def _units(self, found: Iterator[tuple[int, bytes] | Rejected]) -> Iterator[tuple[int, bytes] | Rejected]:
        """Join lines into units; each has the number of its first line."""
        unit: list[bytes] = []
        start = 0
        for each in found:
            if isinstance(each, Rejected):
                yield each
                continue
            number, line = each
            blank = not line.strip()
            if unit and (self.unit == "line" or (self.unit == "paragraph" and blank)):
                yield start, b"\n".join(unit)
                unit = []
            if unit or not blank:
                start = start if unit else number
                unit.append(line)
        if unit:
            yield start, b"\n".join(unit)
