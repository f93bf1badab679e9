"""The table of CMMLU's subjects."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from zhiyin.evaluation.subjects import CMMLU

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "subjects.csv"


def test_counts_are_the_official_ones() -> None:
    assert len({subject.name for subject in CMMLU}) == len({subject.chinese for subject in CMMLU}) == 67
    counts = Counter(subject.category for subject in CMMLU)
    assert counts == {"STEM": 17, "Humanities": 13, "Social Science": 22, "Other": 15}
    assert sum(subject.china_specific for subject in CMMLU) == 15
    assert [subject.name for subject in CMMLU] == sorted(subject.name for subject in CMMLU)


@pytest.mark.skipif(not SPEC.is_file(), reason="needs ../shared/spec/subjects.csv")
def test_table_equals_the_specification() -> None:
    with SPEC.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["exam"] == "cmmlu"]
    ours = {(one.name, one.chinese, one.category, one.china_specific) for one in CMMLU}
    theirs = {(row["subject"], row["name_zh"], row["category"], row["flag"] == "china_specific") for row in rows}
    assert ours == theirs
