"""Rows from an archive of small JSON files, each of which is one row."""

import tarfile
from collections.abc import Iterator

import msgspec

from zhiyin.data import lines
from zhiyin.data.files import SourceFile
from zhiyin.data.json_rows import json_row
from zhiyin.data.rows import Row
from zhiyin.records.jsonl import Rejected


def json_members(file: SourceFile) -> Iterator[Row | Rejected]:
    """Yield every file of a `.tar.gz` in its order, at `archive/member:1`; what is no JSON object is rejected.

    The archive is read once from front to back. Raises `ValueError`, naming it, when that cannot be done.
    """
    decode = msgspec.json.Decoder().decode
    try:
        with lines.readable(file.shown), tarfile.open(file.path, "r|gz") as archive:
            for member in archive:
                if member.isdir():
                    continue
                where = f"{file.shown}/{member.name}:1"
                if not member.name.endswith(".json") or (content := archive.extractfile(member)) is None:
                    yield Rejected(where, "not a JSON file", member.name)
                    continue
                raw = content.read(lines.LONGEST + 1)
                if len(raw) > lines.LONGEST:
                    yield lines.too_long(where, raw, member.size)
                else:
                    yield json_row(where, raw.removeprefix(lines.BOM), decode)
    except tarfile.TarError as error:
        raise ValueError(f"{file.shown}: not a whole tar archive: {error}; is the download complete?") from error
