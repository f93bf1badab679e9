"""Text whose lines are rows: a file read line by line, and two files whose lines belong together."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from zhiyin.data import lines
from zhiyin.data.files import FileRows, SourceFile
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected


def text_lines(file: SourceFile) -> Iterator[tuple[str, str] | Rejected]:
    """Yield place and text of every line; one that is no text is yielded as `Rejected`."""
    return lines.texts(lines.text_lines(file.path, file.shown), file.shown)


class PairedFiles(FileRows):
    """The half of a source whose rows lie in two files side by side; a member says which files go together."""

    halves: ClassVar[tuple[str, str]]
    """What the two halves of a row are called."""

    @abstractmethod
    def partner(self, path: Path) -> Path | None:
        """Return the file that holds the second halves; None for a file that is not the first of two."""

    def located(self) -> list[SourceFile]:
        """Return the first file of each two, and the files that by their name have no partner.

        Raises `ValueError` when a partner was not given: it would be read without counting as an input.
        """
        found = super().located()
        there, seconds = {file.path for file in found}, set[Path]()
        for file in found:
            other = self.partner(file.path)
            if other is None:
                continue
            if other not in there:
                raise ValueError(f"{file.shown}: its lines go with those of {other.name}; give both files, or a folder")
            seconds.add(other)
        return [file for file in found if file.path not in seconds]

    def pairs(self, file: SourceFile, other: Path) -> Iterator[Row | Rejected]:
        """Yield the lines of two files in pairs; raises `ValueError` when one file has more lines than the other."""
        beside = SourceFile(other, f"{file.shown.removesuffix(file.path.name)}{other.name}")
        counts = [sum(1 for _ in lines.text_lines(each.path, each.shown)) for each in (file, beside)]
        if counts[0] != counts[1]:
            raise ValueError(
                f"{file.shown}: it has {counts[0]:,} lines, and {beside.shown} has {counts[1]:,}: which belong "
                "together cannot be told; is a download incomplete?"
            )
        for one, two in zip(text_lines(file), text_lines(beside), strict=True):
            if isinstance(one, Rejected):
                yield Rejected(one.where, one.reason, f"{one.row}\t{two.row if isinstance(two, Rejected) else two[1]}")
            elif isinstance(two, Rejected):
                yield Rejected(one[0], two.reason, f"{one[1]}\t{two.row}")
            else:
                yield Row(one[0], {self.halves[0]: one[1], self.halves[1]: two[1]})
