"""Files that cannot be read at all: the class of each fault, how it is made, and what is said of it."""

import gzip
import lzma
import os
import socket
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.data.broken_records import parquet
from tests.data.broken_rows import GOOD, array, lines

Make = Callable[[Path], object]


@dataclass(frozen=True)
class File:
    """A file, or a folder that holds one, and why it is refused."""

    fault: str
    name: str
    file: str
    made: bytes | Make
    """What stands in it, or what makes it."""
    said: str
    """What follows the path of the file."""
    refused: bool = False
    """Found when the recipe is checked, and not by the step: exit code 2, and nothing is run."""
    source: str = "alpaca_json"

    def write(self, path: Path) -> None:
        """Make the file."""
        if isinstance(self.made, bytes):
            path.write_bytes(self.made)
        else:
            self.made(path)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", GOOD)


def folder(inside: Make) -> Make:
    """Make a folder with a good file, and one that the function makes."""

    def make(path: Path) -> None:
        path.mkdir()
        (path / "a.json").write_bytes(GOOD)
        inside(path)

    return make


def notes(path: Path) -> None:
    path.mkdir()
    (path / "a.md").write_bytes(GOOD)


def listen(path: Path) -> None:
    """Make a socket; its path may be longer than a socket's name can be."""
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def loop(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def latin_name(path: Path) -> None:
    with open(os.fsencode(path) + b"/" + "数据.json".encode("gbk"), "wb") as file:
        file.write(GOOD)


MANY = lines(*[GOOD] * 200)
PACKED = gzip.compress(MANY)
TABLE = parquet([{"instruction": "q", "output": "a"}] * 300)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404</body></html>\n"
HEADER = b"instruction,output\n"

BAD_FILES = (
    File("gzip", "cut off", "a.jsonl.gz", PACKED[:-30], ": the gzip file ends too early; is the download complete?"),
    File("gzip", "not packed", "a.jsonl.gz", MANY, ": not packed by gzip, though its name ends in .gz; take that off"),
    File("gzip", "more behind it", "a.jsonl.gz", PACKED + b"more", ": the gzip file is damaged: Not a gzipped file"),
    File(
        "gzip", "other bytes", "a.jsonl.gz", PACKED[:40] + b"\xff\xff\xff" + PACKED[43:], ": the gzip file is damaged"
    ),
    File("gzip", "name without .gz", "a.jsonl", PACKED, ": packed by gzip; add .gz to its name"),
    File("other packing", "ZIP", "a.json", zipped, ": a ZIP archive; unpack it"),
    File("other packing", "xz", "a.jsonl", lzma.compress(MANY), ": packed by xz; unpack it"),
    File("other packing", "zstd", "a.jsonl", b"(\xb5/\xfd\0\0\0", ": packed by zstd; unpack it"),
    File("other packing", "bzip2", "a.txt", b"BZh91AY&SY", ": packed by bzip2; unpack it", source="text"),
    File(
        "array", "cut off", "a.json", array(GOOD, GOOD)[:-40], ":2: not a whole JSON array: Input data was truncated; "
    ),
    File("array", "more behind it", "a.json", array(GOOD) + b"\n{}", ":2: not a whole JSON array: trailing characters"),
    File(
        "array", "no comma", "a.json", b"[\n" + lines(GOOD, GOOD) + b"]", ":3: not a whole JSON array: expected ',' or"
    ),
    File(
        "array", "comma at the end", "a.json", array(GOOD, b""), ":2: not a whole JSON array: trailing comma in array"
    ),
    File(
        "array",
        "NaN inside",
        "a.json",
        array(GOOD, b'{"n": NaN}'),
        ":2: not a whole JSON array: invalid character; near",
    ),
    File(
        "array",
        "half a surrogate",
        "a.json",
        array(GOOD, rb'{"n": "\ud800"}'),
        ":2: not a whole JSON array: half of a surrogate pair",
    ),
    File(
        "array", "an array a line", "a.jsonl", lines(b"[1]", b"[2]"), ":2: not a whole JSON array: trailing characters"
    ),
    File("array", "too deep", "a.json", b"[" * 9000 + b"]" * 9000, ":1: lists or objects nested too deep"),
    File(
        "UTF-16",
        "little end first",
        "a.jsonl",
        b"\xff\xfe" + GOOD.decode().encode("utf-16-le"),
        ": the file is in UTF-16LE",
    ),
    File(
        "UTF-16",
        "big end first",
        "a.csv",
        b"\xfe\xff" + HEADER.decode().encode("utf-16-be"),
        ": the file is in UTF-16BE",
    ),
    File(
        "UTF-16", "without a mark", "a.json", GOOD.decode().encode("utf-16-le"), ": the file is in UTF-16LE; convert it"
    ),
    File("UTF-16", "a text", "a.txt", "高山".encode("utf-16"), ": the file is in UTF-16LE", source="text"),
    File("UTF-16", "packed", "a.jsonl.gz", gzip.compress(GOOD.decode().encode("utf-16")), ": the file is in UTF-16LE"),
    File("web page", "HTML", "a.json", PAGE, ": a web page and no data"),
    File("web page", "HTML in place of Parquet", "a.parquet", PAGE, ": a web page and no data"),
    File(
        "web page",
        "XML",
        "a.csv",
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        ": a web page and no",
    ),
    File("Git LFS", "JSON", "a.json", POINTER, ": a Git LFS pointer that stands for the data; run `git lfs pull`"),
    File("Git LFS", "Parquet", "a.parquet", POINTER, ": a Git LFS pointer"),
    File("Git LFS", "gzip", "a.jsonl.gz", POINTER, ": a Git LFS pointer"),
    File("Git LFS", "text", "a.txt", POINTER, ": a Git LFS pointer", source="text"),
    File("Git LFS", "bitext", "bitext.txt", POINTER, ": a Git LFS pointer", source="classical_modern"),
    File("Parquet", "cut off", "a.parquet", TABLE[:-20], ": not a whole Parquet file: "),
    File("Parquet", "another file", "a.parquet", MANY, ": not a whole Parquet file: "),
    File("Parquet", "nothing", "a.parquet", b"", ": not a whole Parquet file: "),
    File("Parquet", "bytes overwritten", "a.parquet", TABLE[:50] + b"\xff" * 60 + TABLE[110:], ": not a whole Parquet"),
    File("Parquet", "another name", "a.json", TABLE, ": a Parquet file; give it a name that ends in .parquet"),
    File(
        "CSV",
        "quote left open",
        "a.csv",
        HEADER + b'q,a\nr,"b\ns,c\n',
        ":3: not a CSV row: unexpected end of data; is a",
    ),
    File("CSV", "text behind a quote", "a.csv", HEADER + b'q,"a"b\n', ":2: not a CSV row: ',' expected after"),
    File(
        "CSV",
        "semicolons",
        "a.csv",
        b"instruction;output\nq;a\n",
        ":1: the CSV header is one column, 'instruction;output'; is the delimiter ';'?",
    ),
    File(
        "CSV",
        "tabs",
        "a.csv",
        b"instruction\toutput\nq\ta\n",
        ":1: the CSV header is one column, 'instruction\\toutput'; is",
    ),
    File(
        "CSV", "commas in TSV", "a.tsv", HEADER + b"q,a\n", ":1: the CSV header is one column, 'instruction,output'; is"
    ),
    File(
        "CSV",
        "column twice",
        "a.csv",
        b"output,output\nq,a\n",
        ":1: the CSV header names a column twice: output, output",
    ),
    File(
        "CSV",
        "header in GBK",
        "a.csv",
        "问题,回答\nq,a\n".encode("gbk"),
        ":1: the CSV header is not valid UTF-8; it reads as GB18030",
    ),
    File(
        "CSV",
        "line of 17 MB",
        "a.csv",
        lambda path: path.write_bytes(HEADER + b"q,a\nr," + b"b" * 17_000_000 + b"\n"),
        ":3: not a CSV row: a line of more than 16 MiB",
    ),
    File(
        "CSV",
        "quote open for 20 MB",
        "a.csv",
        lambda path: path.write_bytes(HEADER + b'q,"' + b"b\n" * 10_000_000),
        ":2: not a CSV row: field larger than field limit (16777216); is a quote left open?",
    ),
    File("place", "unknown ending", "a.xlsx", GOOD, ": not a format for rows; there are .json, .jsonl"),
    File(
        "place",
        "no file fits",
        "data",
        notes,
        ": none of its 1 files fits *.json",
    ),
    File("place", "empty folder", "data", Path.mkdir, ": none of its 0 files fits *.json"),
    File("place", "nothing there", "a.json", lambda path: None, " (relative paths start at", refused=True),
    File("special file", "FIFO", "a.json", os.mkfifo, ": neither a file nor a folder"),
    File(
        "special file",
        "FIFO in a folder",
        "data",
        folder(lambda path: os.mkfifo(path / "b.json")),
        "/b.json: neither a file",
    ),
    File("special file", "socket", "a.json", listen, ": neither a file nor a folder"),
    File(
        "link", "to nowhere", "a.json", lambda path: path.symlink_to("gone"), " (relative paths start at", refused=True
    ),
    File("link", "in a circle", "a.json", loop, " (relative paths start at", refused=True),
    File(
        "link",
        "to nowhere, in a folder",
        "data",
        folder(lambda path: (path / "b.json").symlink_to("gone")),
        "/b.json: a link to gone, where no file is",
    ),
    File(
        "link",
        "to a folder, in a folder",
        "data",
        folder(lambda path: (path / "b").symlink_to("/tmp")),
        "/b: a link to a folder is not followed",
    ),
    File(
        "file name",
        "in GBK",
        "data",
        folder(latin_name),
        r"data holds a file whose name is not UTF-8, \xca\xfd\xbe\xdd.json; rename it",
        refused=True,
    ),
    File(
        "shape",
        "rows inside an object on one line",
        "a.json",
        b'{"data": [' + GOOD + b"]}",
        ":1: the first row has no column 'instruction', 'output'; it has data.",
    ),
    File(
        "column",
        "other names",
        "a.jsonl",
        lines(b'{"question": "q", "answer": "a"}'),
        ":1: the first row has no column 'instruction', 'output'; it has question, answer. If others are meant, say so "
        "in the recipe, `columns: {instruction: question, output: answer}`",
    ),
    File(
        "column",
        "misspelt in the recipe's source",
        "a.jsonl",
        lines(b'{"instructon": "q", "output": "a"}'),
        ":1: the first row has no column 'instruction' (did you mean 'instructon'?); it has instructon, output. If "
        "others are meant, say so in the recipe, `columns: {instruction: instructon}`",
    ),
    File("column", "no header", "a.csv", b"q,a\nr,b\ns,c\n", ":2: the first row has no column 'instruction', 'output'"),
)
"""What is refused as a whole."""
