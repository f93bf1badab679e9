"""Rows from files: a JSON array, JSON lines, CSV, Parquet, and all but the last also gzipped.

Lines end at `\\n` alone: U+2028 and U+0085 stand inside real texts, so `str.splitlines()` would break records.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
BOM = b"\xef\xbb\xbf"
NOT_UTF8 = "not valid UTF-8"
UNREADABLE = (OSError, EOFError, zlib.error)


def read(path: Path, shown: str) -> Iterator[Row | Rejected]:
    """Yield the rows of one file in order; `shown` is the name given in places.

    A row that cannot be read is yielded as `Rejected`. Raises `ValueError`, naming the file, when the file as a whole
    cannot be: unknown format, broken gzip, truncated array, a CSV quote that never closes.
    """
    form = path.name.lower().removesuffix(".gz")
    try:
        if form.endswith(".parquet"):
            yield from _parquet(path, shown)
        elif form.endswith((".csv", ".tsv")):
            yield from _csv(path, shown, "\t" if form.endswith(".tsv") else ",")
        elif form.endswith((".json", ".jsonl", ".ndjson")):
            yield from _json(path, shown)
        else:
            raise ValueError(f"{shown}: not a format for rows; there are {', '.join(SUFFIXES)}, also with .gz")
    except UNREADABLE as error:
        raise ValueError(f"{shown}: the file cannot be read: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the number (from 1) and the bytes of every line, without its end and without a byte order mark."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                line = line.removeprefix(BOM)
            yield number, line.rstrip(b"\r\n")


def text_lines(path: Path, shown: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a text file; raises `ValueError`, naming the file, when it cannot be read."""
    try:
        yield from _lines(path)
    except UNREADABLE as error:
        raise ValueError(f"{shown}: the file cannot be read: {error}") from error


def _opened(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking gzip."""
    return cast("BinaryIO", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _json(path: Path, shown: str) -> Iterator[Row | Rejected]:
    """Read an array or lines; the first byte tells, not the name: BELLE's `.json` files are lines."""
    with _opened(path) as file:
        is_array = file.read(4096).removeprefix(BOM).lstrip().startswith(b"[")
    if is_array:
        numbered: Iterator[tuple[int, bytes]] = enumerate(_elements(path, shown), start=1)
    else:
        numbered = _lines(path)
    decode = msgspec.json.Decoder().decode
    for number, raw in numbered:
        if not raw or raw.isspace():
            continue
        where = f"{shown}:{number}"
        try:
            value = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            yield Rejected(where, _reason(error), as_text(raw))
            continue
        if isinstance(value, dict):
            yield Row(where, value)
        else:
            yield Rejected(where, f"a row must be a JSON object, not {type(value).__name__}", as_text(raw))


def _elements(path: Path, shown: str) -> Iterator[bytes]:
    """Yield the raw bytes of each element of a JSON array, which is held in memory whole."""
    with _opened(path) as file:
        content = file.read().removeprefix(BOM)
    try:
        raws = msgspec.json.decode(content, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise ValueError(
            f"{shown}: not a whole JSON array: {error}; the file ends at byte {len(content)} with "
            f"{as_text(content[-30:])!r}. Is the download complete?"
        ) from error
    return (bytes(raw) for raw in raws)


def _csv(path: Path, shown: str, delimiter: str) -> Iterator[Row | Rejected]:
    """Read a CSV with a header; a column without a name (CMMLU's first) has the key `""`."""
    # The default limit of 128 KiB a field is smaller than a long document.
    csv.field_size_limit(2**31 - 1)
    # Bytes that are not UTF-8 become lone surrogates here, so that one bad row does not end the file.
    file = io.TextIOWrapper(_opened(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
    with file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        start = 1
        try:
            header = next(reader, [])
            if len(set(header)) != len(header):
                raise ValueError(f"{shown}: the CSV header names a column twice: {', '.join(header)}")
            start = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield _csv_row(f"{shown}:{start}", header, cells)
                start = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{shown}:{start}: not a CSV row: {error}") from error


def _csv_row(where: str, header: list[str], cells: list[str]) -> Row | Rejected:
    raw = io.StringIO()
    csv.writer(raw, lineterminator="").writerow(cells)
    content = raw.getvalue().encode("utf-8", "surrogateescape")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected(where, NOT_UTF8, as_text(content))
    if len(cells) != len(header):
        return Rejected(where, f"{len(cells)} cells under a header of {len(header)}", as_text(content))
    return Row(where, dict(zip(header, cells, strict=True)))


def _parquet(path: Path, shown: str) -> Iterator[Row]:
    import polars

    try:
        frame = polars.read_parquet(path)
    except polars.exceptions.PolarsError as error:
        raise ValueError(f"{shown}: not a whole Parquet file: {error}") from error
    number = 0
    for part in frame.iter_slices(10_000):
        values: list[dict[str, Any]] = part.to_dicts()
        for value in values:
            number += 1
            yield Row(f"{shown}:{number}", value)


def as_text(raw: bytes) -> str:
    """Return bytes as text; what is not UTF-8 is shown as `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def _reason(error: Exception) -> str:
    """Return a countable reason: the same words for the same fault, wherever in the row it stands."""
    if isinstance(error, UnicodeDecodeError) or "UTF-8" in str(error):
        return NOT_UTF8
    return f"not valid JSON: {re.sub(r' [(]byte [0-9]+[)]', '', str(error))}"
