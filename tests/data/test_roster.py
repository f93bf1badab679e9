"""A roster finds every record of a file again, by bytes."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhiyin.artifacts import RECORDS, TextSet
from zhiyin.data.gathering import keep
from zhiyin.data.roster import Roster, key_of, read_roster
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Document

NAMES = st.sampled_from(["诗", "a", "", "词"])
DOCUMENTS = st.lists(
    st.builds(Document, st.uuids().map(str), st.text(st.characters(codec="utf-8")), NAMES, NAMES), max_size=20
)


def rows_of(roster: Roster) -> list[tuple[str, str]]:
    """Return source and kind of each record."""
    return [
        (roster.source_names[source], roster.kind_names[kind])
        for source, kind in zip(roster.sources.tolist(), roster.kinds.tolist(), strict=True)
    ]


@settings(deadline=None, max_examples=50)
@given(DOCUMENTS, st.booleans())
def test_it_finds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, records: list[Document], end: bool
) -> None:
    folder = tmp_path_factory.mktemp("set")
    made = TextSet.write(folder, records)
    if not end:
        (folder / RECORDS).write_bytes((folder / RECORDS).read_bytes().removesuffix(b"\n"))
    roster = read_roster(made, Runtime())
    assert roster.keys.tolist() == [key_of(record.id) for record in records]
    assert rows_of(roster) == [(record.source, record.kind) for record in records]
    whole = np.arange(len(records))
    assert [one.id for one in roster.named(whole[::-1])] == [record.id for record in reversed(records)]
    kept = keep(TextSet, folder / "kept", roster, whole[::2])
    assert isinstance(kept, TextSet)
    assert list(kept) == records[::2]
    assert kept.summary == TextSet.write(folder / "slow", records[::2]).summary
    assert (folder / "kept" / "rejected.jsonl").read_bytes() == b""


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / RECORDS).write_bytes(b'{"id":"1"}\n{"id":2}\n')
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / RECORDS}: not a record at byte 11: Expected `str`")):
        read_roster(TextSet(tmp_path), Runtime())
