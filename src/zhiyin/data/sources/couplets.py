"""Couplets: a first line asks for the second.

Home: https://github.com/wb14123/couplet-dataset; SongNet has the same.
Licence: not stated.
Size: 741,096 couplets to train on, 3,834 to test.
Schema: `train/in.txt` and `train/out.txt`, `test/...`: a line a couplet, its characters parted by blanks, which are
taken out. The line is asked as it is, without any wording, as document 003 trained on it.

>>> source = Couplets(files=["."])
>>> record = source.record(Row("train/in.txt:1", {"in": "海 阔 凭 鱼 跃", "out": "天 高 任 鸟 飞"}))
>>> record.kind, [turn.content for turn in record.messages]
('couplet', ['海阔凭鱼跃', '天高任鸟飞'])
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from zhiyin.data.aligned import PairedFiles
from zhiyin.data.exchanges import Exchange, ExchangeRows
from zhiyin.data.files import SourceFile
from zhiyin.data.rows import BadRow, Row
from zhiyin.data.sources import Source
from zhiyin.data.turns import text_field
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class Couplets(PairedFiles, ExchangeRows, Source):
    """Two lines of the same length."""

    home: ClassVar = "https://github.com/wb14123/couplet-dataset"
    licence: ClassVar = Licence("not stated", commercial=None)
    size: ClassVar = "741,096 couplets to train on, 3,834 to test"
    verified: ClassVar = True
    expects: ClassVar = ("in", "out")
    usual: ClassVar = ("in.txt", "out.txt")
    halves: ClassVar = ("in", "out")
    task: ClassVar = "couplet"

    def partner(self, path: Path) -> Path | None:
        """Return the file of the second lines."""
        return path.with_name("out.txt") if path.name == "in.txt" else None

    def read(self, file: SourceFile) -> Iterator[Row | Rejected]:
        """Yield the couplets; raises `ValueError` for a file of any other name."""
        other = self.partner(file.path)
        if other is None:
            raise ValueError(f"{file.shown}: couplets lie in files in.txt and out.txt; give both, or their folder")
        return self.pairs(file, other)

    def exchange(self, row: Mapping[str, Any]) -> Exchange:
        """Return both lines without blanks; a couplet of unequal lines is set aside."""
        first, second = ("".join(text_field(row, half).split()) for half in self.halves)
        if len(first) != len(second):
            raise BadRow("lines of unequal length")
        return Exchange(first, second)
