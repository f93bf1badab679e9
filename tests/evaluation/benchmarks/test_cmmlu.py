"""CMMLU's prompts byte for byte, its averages, and the real files where they are."""

import csv
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark, subject_files

from zhiyin.evaluation.benchmarks.cmmlu import Cmmlu
from zhiyin.evaluation.significance import chi_square_against

REAL = Path(__file__).parents[4] / "shared" / "data" / "cmmlu"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real CMMLU in ../shared/data/cmmlu")


def cmmlu(folder: Path, **settings: Any) -> Cmmlu:
    found = make_benchmark({"name": "cmmlu", "folder": str(folder), **settings})
    assert isinstance(found, Cmmlu)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = ["一加一等于几,一,二,三,四,B", '"他说""好"", 是几声",一声, 二声,三声,四声,C']
    return subject_files(tmp_path / "cmmlu", {"agronomy": rows, "anatomy": rows[:1]})


def test_zero_shot_prompt_byte_for_byte(folder: Path) -> None:
    first, second = cmmlu(folder, subjects=["agronomy"]).prompts(None)
    assert first.text == (
        "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n"
        "题目：一加一等于几\nA. 一\nB. 二\nC. 三\nD. 四\n答案是："
    )
    # Quotes are read as CSV; blanks inside a field stay, as in the official script.
    assert second.text == (
        "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n"
        '题目：他说"好", 是几声\nA. 一声\nB.  二声\nC. 三声\nD. 四声\n答案是：'
    )
    assert (first.id, first.reference, first.group) == ("agronomy/test/0", "B", "agronomy")
    assert (first.choices, first.add_bos, first.messages) == (("A", "B", "C", "D"), None, ())


def test_shots_stand_in_front_with_their_answers(folder: Path) -> None:
    (prompt,) = cmmlu(folder, subjects=["agronomy"], shots=2, limit_per_subject=1).prompts(None)
    assert prompt.text == (
        "以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n"
        "题目：一加一等于几\nA. 一\nB. 二\nC. 三\nD. 四\n答案是：B\n\n"
        '题目：他说"好", 是几声\nA. 一声\nB.  二声\nC. 三声\nD. 四声\n答案是：C\n\n'
        "题目：一加一等于几\nA. 一\nB. 二\nC. 三\nD. 四\n答案是："
    )


def test_settings_are_checked(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"CMMLU has no subject 'agronomi' \(did you mean 'agronomy'\?\)"):
        cmmlu(folder, subjects=["agronomi"])
    with pytest.raises(ValueError, match="named twice"):
        cmmlu(folder, subjects=["agronomy", "agronomy"])
    with pytest.raises(ValueError, match="the shots come from dev"):
        cmmlu(folder, split="dev", shots=1)
    with pytest.raises(ValueError, match="anatomy: 3 shots wanted, dev has 1"):
        list(cmmlu(folder, subjects=["anatomy"], shots=3).prompts(None))


def test_a_missing_subject_is_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ancient_chinese\.csv is missing"):
        list(cmmlu(folder).prompts(None))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2,问题,a,b,c,d,E", "agronomy.csv:4: expected a number, a question, A to D and its answer"),
        ("2,问题,a,b,c,A", "agronomy.csv:4"),
        ("2,问题,a,,c,d,A", "agronomy.csv:4"),
    ],
)
def test_a_bad_row_is_named(folder: Path, line: str, message: str) -> None:
    with (folder / "test" / "agronomy.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        list(cmmlu(folder, subjects=["agronomy"]).prompts(None))


def test_unknown_columns_are_an_error(folder: Path) -> None:
    (folder / "test" / "agronomy.csv").write_text("id,Question,A,B,C,D,Answer\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"agronomy\.csv: expected the columns"):
        list(cmmlu(folder, subjects=["agronomy"]).prompts(None))


@real
def test_real_prompts_equal_ones_typed_by_hand() -> None:
    """The questions may not be copied here (CC BY-NC-SA), so their hand-typed prompts are kept as hashes."""
    zero = list(cmmlu(REAL, subjects=["agronomy", "arts"]).prompts(None))
    two = list(cmmlu(REAL, subjects=["agronomy"], shots=2, limit_per_subject=2).prompts(None))
    quoted = next(prompt for prompt in zero if prompt.id == "arts/test/0")
    hashes = [hashlib.sha256((prompt.text or "").encode()).hexdigest()[:16] for prompt in (zero[0], two[1], quoted)]
    assert hashes == ["9437b7e70e915c99", "2ecdd3506a344a5b", "4ca6c30150a3e4d7"]


@real
def test_real_exam_is_complete() -> None:
    prompts = list(cmmlu(REAL).prompts(None))
    assert (len(prompts), len({prompt.group for prompt in prompts})) == (11582, 67)
    assert len(list(cmmlu(REAL, split="dev").prompts(None))) == 335
    few = list(cmmlu(REAL, shots=5, limit_per_subject=1).prompts(None))
    assert (len(few), {(prompt.text or "").count("题目：") for prompt in few}) == (67, {6})
    sizes = Counter(one.name for one in cmmlu(REAL).categories() for _ in one.groups)
    expected = {"Humanities": 13, "Other": 15, "STEM": 17, "Social Science": 22, "China specific": 15}
    assert sizes == expected


@real
@pytest.mark.parametrize(
    ("letter", "micro", "macro"), [(0, 25.26, 25.26), (1, 24.89, 24.92), (2, 24.84, 24.74), (3, 25.00, 25.08)]
)
def test_constant_letters_score_as_published(desk: Desk, letter: int, micro: float, macro: float) -> None:
    """../shared/spec/evaluation.md section 4 gives the micro figures; the macro ones were counted independently."""
    prompts = desk.prepared({"name": "cmmlu", "folder": str(REAL)})
    scores = desk.run(desk.scored(prompts, "constant", letter))
    found = {one.group: one for one in scores.scores}
    assert round(100 * found["average/micro"].mean, 2) == micro
    assert round(100 * found[""].mean, 2) == macro
    assert found[""].low < 0.25 < found[""].high
    assert len(found) == 2 + 5 + 67
    overview = scores.overview
    assert overview.exam is not None
    assert overview.exam.predicted["ABCD"[letter]] == 11582
    assert overview.exam.degrees == 4
    assert any(warning.startswith("at chance") for warning in overview.warnings)


@real
def test_category_averages_are_macro_over_subjects(desk: Desk) -> None:
    prompts = desk.prepared({"name": "cmmlu", "folder": str(REAL)})
    found = {one.group: one.mean for one in desk.run(desk.scored(prompts, "constant", 2)).scores}
    for category in cmmlu(REAL).categories():
        shares = []
        for subject in category.groups:
            with (REAL / "test" / f"{subject}.csv").open(encoding="utf-8-sig", newline="") as lines:
                answers = [row["Answer"] for row in csv.DictReader(lines)]
            shares.append(answers.count("C") / len(answers))
        assert found[f"category/{category.name}"] == pytest.approx(sum(shares) / len(shares))


@real
def test_chi_square_of_the_published_llama_baseline() -> None:
    """Section 4 again: Llama-3.1's four category scores differ from guessing by a chi-square of 2.98."""
    import numpy as np

    rates = {"STEM": 0.2604, "Social Science": 0.2484, "Humanities": 0.2523, "Other": 0.2405}
    counts = Counter(prompt.group for prompt in cmmlu(REAL).prompts(None))
    sizes = {one.name: sum(counts[group] for group in one.groups) for one in cmmlu(REAL).categories()}
    size = np.array([sizes[name] for name in rates], float)
    right = size * np.array(list(rates.values()))
    statistic, degrees, p = chi_square_against(0.25, right, size)
    assert degrees == 4
    assert statistic == pytest.approx(2.98, abs=0.02)
    assert p > 0.5
