"""A hit lies on disk as it is in memory, and without the name of a record set when there is one set."""

from pathlib import Path

from zhiyin.artifacts import HITS, Contamination
from zhiyin.records import jsonl
from zhiyin.records.contamination import Hit


def test_a_hit_is_written_and_read(tmp_path: Path) -> None:
    hits = [
        Hit("r", "exam", "p", "whole question", "一共同", "一共同的", "一共同"),
        Hit("r", "exam", "p", "50 characters", "x", "x", "x", "news"),
    ]
    assert jsonl.write(tmp_path / HITS, hits) == 2
    assert list(Contamination(tmp_path).hits) == hits
    assert [hit.records for hit in hits] == ["", "news"]
