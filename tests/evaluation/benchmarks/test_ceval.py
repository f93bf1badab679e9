"""C-Eval: labels where the files have them, the website's submission where not, and the real files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark

from zhiyin.artifacts import ScoreSet
from zhiyin.evaluation.benchmarks.ceval import Ceval

REAL = Path(__file__).parents[4] / "shared" / "data" / "ceval"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real C-Eval in ../shared/data/ceval")
NAMED = "id,question,A,B,C,D"


def ceval(folder: Path, **settings: Any) -> Ceval:
    found = make_benchmark({"name": "ceval", "folder": str(folder), **settings})
    assert isinstance(found, Ceval)
    return found


def write(folder: Path, split: str, subject: str, header: str, *rows: str) -> None:
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / split / f"{subject}_{split}.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write two subjects: `law`, and the hard `college_physics`; the test split without labels."""
    for subject in ("law", "college_physics"):
        write(
            tmp_path,
            "dev",
            subject,
            f"{NAMED},answer,explanation",
            "0,例,一,二,三,四,D,因为四",
            "1,例二,一,二,三,四,A,",
        )
        write(tmp_path, "val", subject, f"{NAMED},answer", "0,问,甲,乙,丙,丁,B", "1,问二,甲,乙,丙,丁,C")
        write(tmp_path, "test", subject, NAMED, "10,考,甲,乙,丙,丁", "12,考二,甲,乙,丙,丁")
    return tmp_path


def test_prompts_byte_for_byte(folder: Path) -> None:
    first = next(ceval(folder, subjects=["law"], shots=1).prompts(None))
    assert first.text == (
        "以下是中国关于法学考试的单项选择题，请选出其中的正确答案。\n\n"
        "例\nA. 一\nB. 二\nC. 三\nD. 四\n答案：D\n\n问\nA. 甲\nB. 乙\nC. 丙\nD. 丁\n答案："
    )
    assert (first.id, first.reference, first.group) == ("law/val/0", "B", "law")
    assert first.meta == {"question": "问", "options": ["甲", "乙", "丙", "丁"]}


def test_categories(folder: Path) -> None:
    found = ceval(folder, subjects=["law", "college_physics"]).categories()
    assert [(one.name, one.groups, one.overlapping) for one in found] == [
        ("Humanities", ("law",), False),
        ("STEM", ("college_physics",), False),
        ("Hard", ("college_physics",), True),
    ]


def test_without_labels_there_is_a_submission_and_no_accuracy(desk: Desk, folder: Path) -> None:
    settings = {"name": "ceval", "folder": str(folder), "split": "test", "subjects": ["law", "college_physics"]}
    scores: ScoreSet = desk.run(desk.scored(desk.prepared(settings), "constant", 2))
    submission = json.loads((scores.path / "submission.json").read_text(encoding="utf-8"))
    assert submission == {"law": {"10": "C", "12": "C"}, "college_physics": {"10": "C", "12": "C"}}
    assert list(scores.overview.measures) == ["answered"]
    assert scores.overview.exam is None
    assert scores.overview.warnings[0].startswith("the questions have no labels, so there is no accuracy")
    written = desk.run(desk.scored(desk.prepared({**settings, "protocol": "generate"}), "silent"))
    handed_in = json.loads((written.path / "submission.json").read_text(encoding="utf-8"))
    assert handed_in["law"] == {"10": "", "12": ""}
    assert written.overview.measures["answered"].unanswered == 4


def test_turned_questions_of_unlabelled_ones_stay_out_of_the_submission(desk: Desk, folder: Path) -> None:
    settings = {"name": "ceval", "folder": str(folder), "split": "test", "subjects": ["law"], "rotations": 2}
    scores = desk.run(desk.scored(desk.prepared(settings), "constant", 0))
    assert json.loads((scores.path / "submission.json").read_text(encoding="utf-8")) == {"law": {"10": "A", "12": "A"}}
    assert list(scores.overview.measures) == ["answered", "turned_answered", "follows_content", "follows_position"]


def test_labels_of_the_test_split_count(desk: Desk, folder: Path) -> None:
    for subject in ("law", "college_physics"):
        write(folder, "test", subject, f"{NAMED},answer", "10,考,甲,乙,丙,丁,C", "12,考二,甲,乙,丙,丁,D")
    settings = {"name": "ceval", "folder": str(folder), "split": "test", "subjects": ["law", "college_physics"]}
    scores = desk.run(desk.scored(desk.prepared(settings), "constant", 2))
    assert {one.group: one.mean for one in scores.scores} == dict.fromkeys(
        ("", "average/micro", "category/Humanities", "category/STEM", "category/Hard", "law", "college_physics"), 0.5
    )
    assert not (scores.path / "submission.json").exists()


def test_labels_for_some_subjects_alone_are_an_error(folder: Path) -> None:
    write(folder, "test", "law", f"{NAMED},answer", "10,考,甲,乙,丙,丁,C")
    with pytest.raises(ValueError, match="law has answers in test, college_physics has none; ask them one after"):
        list(ceval(folder, split="test", subjects=["law", "college_physics"]).prompts(None))


def test_unknown_columns_and_subjects_are_errors(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"C-Eval has no subject 'laws' \(did you mean 'law'\?\).* all 52"):
        ceval(folder, subjects=["laws"])
    write(folder, "val", "law", "id,question,A,B,C,answer", "0,问,甲,乙,丙,B")
    with pytest.raises(ValueError, match=r"law_val\.csv: expected the columns"):
        list(ceval(folder, subjects=["law"]).prompts(None))


@real
def test_real_exam_is_complete() -> None:
    """Counts of ../shared/spec/evaluation.md, section 4."""
    sizes = {}
    for split in ("val", "test", "dev"):
        prompts = list(ceval(REAL, split=split).prompts(None))
        hard = next(one for one in ceval(REAL).categories() if one.name == "Hard")
        sizes[split] = (len(prompts), sum(prompt.group in hard.groups for prompt in prompts))
        assert {bool(prompt.reference) for prompt in prompts} == {split != "test"}
        assert len({prompt.group for prompt in prompts}) == 52
    assert sizes["val"] == (1346, 152)
    assert sizes["test"] == (12342, 1405)
    assert sizes["dev"][0] == 260


@real
@pytest.mark.parametrize(("letter", "share"), [(0, 23.0), (1, 25.1), (2, 25.6), (3, 26.3)])
def test_constant_letters_score_as_the_specification_says(desk: Desk, letter: int, share: float) -> None:
    scores = desk.run(desk.scored(desk.prepared({"name": "ceval", "folder": str(REAL)}), "constant", letter))
    found = {one.group: one for one in scores.scores}
    assert round(100 * found["average/micro"].mean, 1) == share
    assert len(found) == 2 + 4 + 1 + 52
    assert found["category/Hard"].count == 152


@real
def test_the_real_submission_has_every_subject_and_id(desk: Desk) -> None:
    settings = {"name": "ceval", "folder": str(REAL), "split": "test", "limit_per_subject": 3}
    scores = desk.run(desk.scored(desk.prepared(settings), "constant", 3))
    submission = json.loads((scores.path / "submission.json").read_text(encoding="utf-8"))
    assert Counter(map(len, submission.values())) == {3: 52}
    assert submission["law"] == {"0": "D", "1": "D", "2": "D"}
