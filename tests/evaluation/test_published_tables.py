"""The source documents' tables: which average they print follows from their columns and our tables of subjects.

Every column is rounded, so a recomputed average is an interval; the printed one must lie in it, or must not.
"""

from collections import Counter
from pathlib import Path

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation.subjects import CEVAL, CMMLU, Subject

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not ((DATA / "cmmlu").is_dir() and (DATA / "ceval").is_dir()), reason="needs CMMLU and C-Eval in ../shared/data"
)
CATEGORIES = ("STEM", "Social Science", "Humanities", "Other")

# ../shared/spec/seed-systems.md, 000-13, 000-14, 001-7, 001-8: the printed average, and the columns above.
CMMLU_ROWS = {
    "gemma2": (31.88, (30.34, 31.74, 30.49, 34.57)),
    "gemma2 tuned": (58.45, (51.68, 60.51, 57.89, 62.23)),
    "llama3.1": (24.99, (26.04, 24.84, 25.23, 24.05)),
    "llama3.1 tuned": (44.63, (37.5, 45.21, 45.76, 49.14)),
}
CEVAL_ROWS = {
    "gemma2 tuned": (55.1, (53.5, 64.3, 50.8, 53.8)),
    "llama3.1 tuned": (44.0, (41.6, 51.9, 41.1, 44.0)),
}


def questions(exam: str, split: str) -> Counter[str]:
    """Count the questions of each category, through our own benchmark."""
    benchmark = make_benchmark({"name": exam, "folder": str(DATA / exam), "split": split})
    home = {one.name: one.category for one in (CMMLU if exam == "cmmlu" else CEVAL)}
    return Counter(home[prompt.group] for prompt in benchmark.prompts(None))


def subjects(table: tuple[Subject, ...]) -> Counter[str]:
    return Counter(one.category for one in table)


def averaged(columns: tuple[float, ...], weights: Counter[str]) -> float:
    pairs = zip(CATEGORIES, columns, strict=True)
    return sum(weights[name] * value for name, value in pairs) / sum(weights.values())


def printed_alike(printed: float, recomputed: float, digit: float) -> bool:
    """Tell whether a printed average can be this one: both it and its columns are rounded to `digit`."""
    return abs(printed - recomputed) <= digit


@pytest.mark.parametrize("row", CMMLU_ROWS)
def test_cmmlu_was_averaged_over_questions(row: str) -> None:
    printed, columns = CMMLU_ROWS[row]
    micro, macro = averaged(columns, questions("cmmlu", "test")), averaged(columns, subjects(CMMLU))
    assert printed_alike(printed, micro, 0.01)
    assert not printed_alike(printed, macro, 0.01)


@pytest.mark.parametrize("row", CEVAL_ROWS)
def test_ceval_was_averaged_over_subjects(row: str) -> None:
    printed, columns = CEVAL_ROWS[row]
    micro, macro = averaged(columns, questions("ceval", "test")), averaged(columns, subjects(CEVAL))
    assert printed_alike(printed, macro, 0.1)
    assert not printed_alike(printed, micro, 0.1)


def test_the_figures_of_the_specification() -> None:
    """../shared/spec/evaluation.md, section 4, to two decimals."""
    cmmlu, ceval = questions("cmmlu", "test"), questions("ceval", "test")
    found = {
        "gemma2": (averaged(CMMLU_ROWS["gemma2"][1], cmmlu), averaged(CMMLU_ROWS["gemma2"][1], subjects(CMMLU))),
        "llama3.1": (averaged(CMMLU_ROWS["llama3.1"][1], cmmlu), averaged(CMMLU_ROWS["llama3.1"][1], subjects(CMMLU))),
        **{name: (averaged(row[1], ceval), averaged(row[1], subjects(CEVAL))) for name, row in CEVAL_ROWS.items()},
    }
    assert {name: (round(micro, 2), round(macro, 2)) for name, (micro, macro) in found.items()} == {
        "gemma2": (31.88, 31.78),
        "llama3.1": (24.99, 25.04),
        "gemma2 tuned": (55.27, 55.07),
        "llama3.1 tuned": (44.29, 43.98),
    }
