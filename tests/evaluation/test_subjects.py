"""The tables of the exams' subjects."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from zhiyin.evaluation.subjects import CEVAL, CMMLU, MMLU, Subject

SHARED = Path(__file__).parents[3] / "shared"
SPEC = SHARED / "spec" / "subjects.csv"
MMLU_FILES = SHARED / "data" / "mmlu" / "hendrycks_layout"


def test_counts_are_the_official_ones() -> None:
    assert len({subject.name for subject in CMMLU}) == len({subject.chinese for subject in CMMLU}) == 67
    counts = Counter(subject.category for subject in CMMLU)
    assert counts == {"STEM": 17, "Humanities": 13, "Social Science": 22, "Other": 15}
    assert sum(subject.china_specific for subject in CMMLU) == 15
    assert [subject.name for subject in CMMLU] == sorted(subject.name for subject in CMMLU)


@pytest.mark.parametrize(
    ("table", "sizes"),
    [
        (CEVAL, {"STEM": 20, "Humanities": 11, "Social Science": 10, "Other": 11}),
        (MMLU, {"STEM": 18, "Humanities": 13, "Social Science": 12, "Other": 14}),
    ],
)
def test_counts_of_the_other_exams(table: tuple[Subject, ...], sizes: dict[str, int]) -> None:
    assert Counter(subject.category for subject in table) == sizes
    assert [subject.name for subject in table] == sorted({subject.name for subject in table})
    assert len({subject.chinese for subject in table}) == len(table)
    assert sum(subject.hard for subject in table) == (8 if table is CEVAL else 0)
    assert not any(subject.china_specific for subject in table)


@pytest.mark.skipif(not SPEC.is_file(), reason="needs ../shared/spec/subjects.csv")
@pytest.mark.parametrize(("exam", "table"), [("cmmlu", CMMLU), ("ceval", CEVAL)])
def test_table_equals_the_specification(exam: str, table: tuple[Subject, ...]) -> None:
    with SPEC.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["exam"] == exam]
    ours = {(one.name, one.chinese, one.category, one.china_specific, one.hard) for one in table}
    theirs = {
        (row["subject"], row["name_zh"], row["category"], row["flag"] == "china_specific", row["flag"] == "hard")
        for row in rows
    }
    assert ours == theirs


@pytest.mark.skipif(not MMLU_FILES.is_dir(), reason="needs MMLU in ../shared/data/mmlu")
def test_mmlus_subjects_are_those_of_its_files() -> None:
    assert [subject.name for subject in MMLU] == sorted(
        file.name.removesuffix("_dev.csv") for file in (MMLU_FILES / "dev").glob("*.csv")
    )
