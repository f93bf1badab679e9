"""The rows a step sets aside: counted by reason, kept on disk while they grow, and too many of them an error."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from zhiyin.artifacts import REJECTED
from zhiyin.records.jsonl import Rejected


class Rejections:
    """What was set aside so far. It lies in a file without a name, for all rows of a source may be bad.

    Used as a context, which closes the file.
    """

    def __init__(self) -> None:
        self.first: dict[str, str] = {}
        """The first place of each reason."""
        self.counts: Counter[str] = Counter()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as this object
        self._encode = msgspec.json.Encoder().encode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Rejected) -> None:
        """Set one row aside."""
        self.first.setdefault(row.reason, row.where)
        self.counts[row.reason] += 1
        self._file.write(self._encode(row) + b"\n")

    def __len__(self) -> int:
        return self.counts.total()

    def __iter__(self) -> Iterator[Rejected]:
        """Yield the rows in order."""
        decode = msgspec.json.Decoder(Rejected).decode
        self._file.seek(0)
        for line in self._file:
            yield decode(line)

    def write(self, path: Path) -> None:
        """Write the rows in order, a line each."""
        self._file.seek(0)
        with path.open("wb") as file:
            shutil.copyfileobj(self._file, file)

    def check(self, kept: int, allowed: float, what: str, out: Path) -> None:
        """Raise `ValueError` when nothing was kept, or when more than the allowed share of the rows was set aside.

        The message gives the three most frequent reasons, the first place of each, and the file that holds all.
        """
        rows = kept + len(self)
        share = len(self) / max(1, rows)
        if kept and share <= allowed:
            return
        reasons = "".join(
            f"\n  {count} x {reason}; first at {self.first[reason]}" for reason, count in self.counts.most_common(3)
        )
        where = f"\nEvery row that was rejected stands with its reason in {out / REJECTED}." if len(self) else ""
        remedy = "" if share <= allowed else "\nMend the data, or raise `max_rejected`." if kept else "\nMend the data."
        raise ValueError(
            f"{what}: {len(self)} of {rows} rows rejected ({share:.1%}, max_rejected is {allowed:.1%}), "
            f"{kept} records kept{reasons}{where}{remedy}"
        )
