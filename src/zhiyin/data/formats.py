"""Rows from files: a JSON array, JSON lines, CSV, Parquet, and all but the last also gzipped."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from zhiyin.data.json_array import Long, elements
from zhiyin.data.json_rows import json_row
from zhiyin.data.lines import BOM, LONGEST, NUL, SHOWN, SUFFIXES, as_text, form, lines, opened, readable, too_long
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected
from zhiyin.text.encodings import not_utf8

ONE_OBJECT = "a JSON object over several lines; rows are an array of objects, or one object a line (jq -c makes it so)"
PART = 10_000
"""Rows of a Parquet file that are in memory as values at a time."""
_OPENING = re.compile(rb"\{([^\n]*[\[{:])?[ \t\r]*\n")
"""A first line that only opens an object."""


def read(path: Path, shown: str) -> Iterator[Row | Rejected]:
    """Yield the rows of one file in order; `shown` is the name given in places.

    A row that cannot be read is yielded as `Rejected`. Raises `ValueError`, naming the file, when the file as a whole
    cannot be read: unknown format, broken gzip, truncated array, a CSV quote that never closes, UTF-16, a web page or a
    pointer in place of the data.
    """
    if not form(path).endswith(SUFFIXES):
        raise ValueError(f"{shown}: not a format for rows; there are {', '.join(SUFFIXES)}, also with .gz")
    with readable(shown):
        if form(path).endswith(".parquet"):
            yield from _parquet(path, shown)
        elif form(path).endswith((".csv", ".tsv")):
            yield from _csv(path, shown, "\t" if form(path).endswith(".tsv") else ",")
        else:
            yield from _json(path, shown)


def _json(path: Path, shown: str) -> Iterator[Row | Rejected]:
    """Read an array or lines; the first byte tells, not the name: BELLE's `.json` files are lines."""
    with opened(path, shown) as file:
        beginning = file.read(4096).removeprefix(BOM).lstrip()
    if beginning.startswith(b"["):
        yield from _array(path, shown)
        return
    if _OPENING.match(beginning):
        yield Rejected(f"{shown}:1", ONE_OBJECT, as_text(beginning[:SHOWN]))
        return
    decode = msgspec.json.Decoder().decode
    for line in lines(path, shown):
        if isinstance(line, Rejected):
            yield line
            continue
        number, raw = line
        if raw and not raw.isspace():
            yield json_row(f"{shown}:{number}", raw, decode)


def _array(path: Path, shown: str) -> Iterator[Row | Rejected]:
    """Read an array, element by element."""
    decode = msgspec.json.Decoder().decode
    with opened(path, shown) as file:
        for number, raw in enumerate(elements(file, shown), start=1):
            where = f"{shown}:{number}"
            yield too_long(where, raw.head, raw.size) if isinstance(raw, Long) else json_row(where, raw, decode)


def _csv(path: Path, shown: str, delimiter: str) -> Iterator[Row | Rejected]:
    """Read a CSV with a header; a column without a name (CMMLU's first) has the key `""`."""
    # The default limit of 128 KiB a field is smaller than a long document.
    csv.field_size_limit(LONGEST)
    # Bytes that are not UTF-8 become lone surrogates here, so that one bad row does not end the file.
    file = io.TextIOWrapper(opened(path, shown), encoding="utf-8-sig", errors="surrogateescape", newline="")
    with file:
        reader = csv.reader(_bounded(file), delimiter=delimiter, strict=True)
        start = 1
        try:
            header = next(reader, [])
            _check_header(header, delimiter, shown)
            start = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield _csv_row(f"{shown}:{start}", header, cells)
                start = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{shown}:{start}: not a CSV row: {error}; is a quote left open?") from error


def _bounded(file: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines; raises `csv.Error` at one that is too long, whose end cannot be told: quotes hold line ends."""
    while line := file.readline(LONGEST):
        if len(line) == LONGEST and not line.endswith(("\n", "\r")):
            raise csv.Error(f"a line of more than {LONGEST // 2**20} MiB")
        yield line


def _check_header(header: list[str], delimiter: str, shown: str) -> None:
    """Raise `ValueError` when a header cannot name the cells below it."""
    raw = delimiter.join(header).encode("utf-8", "surrogateescape")
    if as_text(raw) != delimiter.join(header):
        raise ValueError(f"{shown}:1: the CSV header is {not_utf8(raw)}")
    if len(set(header)) != len(header):
        raise ValueError(f"{shown}:1: the CSV header names a column twice: {', '.join(header)}")
    if len(header) == 1:
        for other in (",", ";", "\t", "|"):
            if other in header[0]:
                raise ValueError(
                    f"{shown}:1: the CSV header is one column, {header[0]!r}; is the delimiter {other!r}? "
                    f"A .csv is read with ',' and a .tsv with a tab"
                )


def _csv_row(where: str, header: list[str], cells: list[str]) -> Row | Rejected:
    reason = _csv_fault(header, cells)
    if not reason:
        return Row(where, dict(zip(header, cells, strict=True)))
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    return Rejected(where, reason, as_text(written.getvalue().encode("utf-8", "surrogateescape")))


def _csv_fault(header: list[str], cells: list[str]) -> str:
    whole = "".join(cells)
    try:
        whole.encode("utf-8")
    except UnicodeEncodeError:
        return not_utf8(whole.encode("utf-8", "surrogateescape"))
    if len(cells) != len(header):
        return f"{len(cells)} cells under a header of {len(header)}"
    if "\0" in whole:
        return NUL
    if cells[-1] == header[-1] and [cells[0].removeprefix("\ufeff"), *cells[1:]] == header:
        return "the header once more"
    return ""


def _parquet(path: Path, shown: str) -> Iterator[Row]:
    """Read a table a few row groups at a time."""
    import polars

    opened(path, shown).close()
    number = 0
    try:
        for part in polars.scan_parquet(path, glob=False).collect_batches(chunk_size=PART):
            values: list[dict[str, Any]] = part.to_dicts()
            for value in values:
                number += 1
                yield Row(f"{shown}:{number}", value)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        raise ValueError(f"{shown}: not a whole Parquet file: {error}") from error
