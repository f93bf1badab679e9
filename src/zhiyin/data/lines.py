"""A file's bytes, unpacked and line by line: none longer than a limit, and no file that is not data at all.

Lines end at `\\n` alone: U+2028 and U+0085 stand inside real texts, so `str.splitlines()` would break records.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from zhiyin.records.jsonl import Rejected
from zhiyin.text.encodings import not_utf8, wide

BOM = b"\xef\xbb\xbf"
LONGEST = 16 * 2**20
"""Bytes in a row. A longer one is a fault of the file (a line end was lost), and would fill the memory."""
SHOWN = 1000
"""Bytes kept of a row that is too long to be kept."""
NUL = "NUL bytes; the disk or the download lost this part"
SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
"""The endings of files that have rows."""

_OTHER = (
    (b"version https://git-lfs", "a Git LFS pointer that stands for the data; run `git lfs pull` where it came from"),
    (b"PK\x03\x04", "a ZIP archive; unpack it"),
    (b"\xfd7zXZ\0", "packed by xz; unpack it, or pack it with gzip"),
    (b"(\xb5/\xfd", "packed by zstd; unpack it, or pack it with gzip"),
    (b"BZh", "packed by bzip2; unpack it, or pack it with gzip"),
)
_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head|\?xml)\b", re.IGNORECASE)
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


@contextmanager
def readable(shown: str) -> Iterator[None]:
    """Raise `ValueError`, naming the file, for any way in which it cannot be read."""
    try:
        yield
    except EOFError as error:
        raise ValueError(f"{shown}: the gzip file ends too early; is the download complete?") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{shown}: the gzip file is damaged: {error}") from error
    except FileNotFoundError as error:
        raise ValueError(f"{shown}: the file cannot be read: it is gone") from error
    except OSError as error:
        raise ValueError(f"{shown}: the file cannot be read: {error.strerror or error}") from error


def form(path: Path) -> str:
    """Return the name that tells the format: in lower case, without `.gz`."""
    return path.name.lower().removesuffix(".gz")


def opened(path: Path, shown: str) -> BinaryIO:
    """Open a file for reading, unpacking gzip; raises `ValueError` when it holds something else than its name says."""
    packed = path.suffix.lower() == ".gz"
    with path.open("rb") as file:
        head = file.read(512)
    _check(head, path, shown)
    if packed and head and not head.startswith(_GZIP):
        raise ValueError(f"{shown}: not packed by gzip, though its name ends in .gz; take that off its name")
    if not packed and head.startswith(_GZIP):
        raise ValueError(f"{shown}: packed by gzip; add .gz to its name")
    if not packed:
        return path.open("rb")
    with gzip.open(path) as unpacked:
        _check(unpacked.read(512), path, shown)
    return cast("BinaryIO", gzip.open(path))


def _check(head: bytes, path: Path, shown: str) -> None:
    """Raise `ValueError` when the first bytes are those of something that is not the data."""
    for magic, what in _OTHER:
        if head.startswith(magic):
            raise ValueError(f"{shown}: {what}")
    if head.startswith(_PARQUET) and not form(path).endswith(".parquet"):
        raise ValueError(f"{shown}: a Parquet file; give it a name that ends in .parquet")
    if form(path).endswith(SUFFIXES) and _PAGE.match(head.removeprefix(BOM)):
        raise ValueError(f"{shown}: a web page and no data; the download brought a message instead, so open it and see")
    if encoding := wide(head):
        raise ValueError(f"{shown}: the file is in {encoding}; convert it, iconv -f {encoding} -t UTF-8")


def text_lines(path: Path, shown: str) -> Iterator[tuple[int, bytes] | Rejected]:
    """Yield the lines of a text file; raises `ValueError`, naming the file, when it cannot be read."""
    with readable(shown):
        yield from lines(path, shown)


def lines(path: Path, shown: str) -> Iterator[tuple[int, bytes] | Rejected]:
    """Yield the number (from 1) and the bytes of every line, without its end and without a byte order mark.

    A mark may begin any line, for files were put together from several. A line above `LONGEST` is rejected, and not
    held in memory.
    """
    with opened(path, shown) as file:
        number = 1
        while line := file.readline(LONGEST + 1):
            if len(line) > LONGEST and not line.endswith(b"\n"):
                yield too_long(f"{shown}:{number}", line, len(line) + _skipped(file))
            else:
                yield number, line.removeprefix(BOM).rstrip(b"\r\n")
            number += 1


def _skipped(file: BinaryIO) -> int:
    """Read to the end of the line; returns how many bytes that were."""
    count = 0
    while part := file.readline(2**20):
        count += len(part)
        if part.endswith(b"\n"):
            break
    return count


def too_long(where: str, raw: bytes, size: int) -> Rejected:
    """Reject a row for its length, keeping only its beginning."""
    reason = f"a row of more than {LONGEST // 2**20} MiB; is a line end or a quote missing?"
    return Rejected(where, reason, f"{as_text(raw[:SHOWN])}... ({size:,} bytes in all)")


def texts(found: Iterable[tuple[int, bytes] | Rejected], shown: str) -> Iterator[tuple[str, str] | Rejected]:
    """Yield the place and the text of every line; one that is no text is yielded as `Rejected`."""
    for each in found:
        if isinstance(each, Rejected):
            yield each
            continue
        where = f"{shown}:{each[0]}"
        text = decoded(where, each[1])
        yield text if isinstance(text, Rejected) else (where, text)


def decoded(where: str, raw: bytes) -> str | Rejected:
    """Return bytes as text, or the rejection of a row that is none."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected(where, not_utf8(raw), as_text(raw))
    return Rejected(where, NUL, as_text(raw)) if "\0" in text else text


def as_text(raw: bytes) -> str:
    """Return bytes as text; what is not UTF-8 is shown as `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace")
