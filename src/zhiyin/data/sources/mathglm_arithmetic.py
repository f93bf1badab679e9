"""MathGLM's arithmetic: an expression, and the chain of steps to its value.

Home: https://cloud.tsinghua.edu.cn/d/8d9ee3e52bb54afd9c16, from https://github.com/THUDM/MathGLM.
Licence: not stated.
Size: 50 million lines, 9.99 GB.
Schema: a text file, `expression=step=...=value` a line. The question is all up to the first `=`, with it, for so the
lines of the test file end; the chain is the answer. Only the form of the test file was read; that the steps are
chained by `=` is what the paper shows.

>>> source = MathglmArithmetic(files=["."])
>>> record = source.record(Row("train.txt:1", {"text": "2+3*4=2+12=14"}))
>>> record.kind, [turn.content for turn in record.messages]
('arithmetic', ['2+3*4=', '2+12=14'])
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from zhiyin.data.aligned import text_lines
from zhiyin.data.exchanges import Exchange, ExchangeRows
from zhiyin.data.files import SourceFile
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class MathglmArithmetic(ExchangeRows, Source):
    """Lines of an expression and its steps."""

    home: ClassVar = "https://cloud.tsinghua.edu.cn/d/8d9ee3e52bb54afd9c16"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "50 million lines, 9.99 GB"
    verified: ClassVar = False
    expects: ClassVar = ("text",)
    usual: ClassVar = ("*.txt", "*.txt.gz")
    task: ClassVar = "arithmetic"

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the lines; an empty one is no row."""
        for line in text_lines(file):
            if isinstance(line, Rejected):
                yield line
            elif line[1].strip():
                yield Row(line[0], {"text": line[1].strip()})

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Split the line at its first `=`."""
        expression, sign, steps = text_field(row, "text").partition("=")
        if not sign or not expression or not steps:
            raise BadRow("not an expression, `=` and a value")
        return Exchange(f"{expression}=", steps)
