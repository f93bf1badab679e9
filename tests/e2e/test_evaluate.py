"""Models of a finished run are asked benchmarks that the run knew nothing of, from the command line."""

import json
import shutil
from pathlib import Path

import pytest
from tests.e2e.small import Place
from tests.evaluation.desk import subject_files

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path, undisturbed: Place) -> Place:
    place = Place.in_(tmp_path / "evaluated")
    shutil.copytree(undisturbed.store, place.store)
    rows = [f"问题{number},甲,乙,丙,丁,{'ABCD'[number % 4]}" for number in range(8)]
    subject_files(place.folder / "cmmlu", {"agronomy": rows, "arts": rows})
    problems = [{"question": f"{number} + 1?", "answer": f"#### {number + 1}"} for number in range(3)]
    text = "".join(json.dumps(problem) + "\n" for problem in problems)
    (place.folder / "problems.jsonl").write_text(text, encoding="utf-8")
    return place


ASKED = (
    "--benchmarks",
    "cmmlu folder=cmmlu subjects=[agronomy,arts]",
    "--benchmarks",
    "sums=gsm8k file=problems.jsonl",
)


def test_three_models_side_by_side_and_a_budget_that_none_can_keep(place: Place) -> None:
    words = ("evaluate", "base", "tuned", "expert", *ASKED, "--max-new-tokens", "4")
    ended = place.run(*words)
    assert ended.code == 0, ended.err
    assert all(label in ended.out for label in ("tuned_answers", "base_to_expert_on_sums"))
    found = [one for one in sorted(place.store.glob("page-*/page.html")) if "cmmlu" in one.read_text(encoding="utf-8")]
    assert len(found) == 1
    again = place.run(*words)
    assert again.out.count("Nothing to make") == 2
    refused = place.run(*words, "--budget", "cmmlu=+101pt")
    assert refused.code == 3
    assert "base_to_tuned_on_cmmlu: expected a change of +1.01 at worst, but accuracy went from" in refused.err
    assert "base_to_expert_on_cmmlu: expected a change of +1.01 at worst" in refused.err
