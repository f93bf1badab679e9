"""MMLU: its prompts, its categories under each protocol, and the real files."""

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation.benchmarks.mmlu import Mmlu

REAL = Path(__file__).parents[4] / "shared" / "data" / "mmlu" / "hendrycks_layout"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs MMLU in ../shared/data/mmlu")


def mmlu(folder: Path, **settings: Any) -> Mmlu:
    found = make_benchmark({"name": "mmlu", "folder": str(folder), **settings})
    assert isinstance(found, Mmlu)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("dev", "val", "test"):
        (tmp_path / split).mkdir()
        for subject in ("high_school_physics", "anatomy"):
            file = tmp_path / split / f"{subject}_{split}.csv"
            file.write_text(f'"What, in {split}?",one,two,None,four,C\n', encoding="utf-8")
    return tmp_path


def test_prompt_byte_for_byte(folder: Path) -> None:
    (prompt,) = mmlu(folder, subjects=["high_school_physics"], shots=1).prompts(None)
    assert prompt.text == (
        "The following are multiple choice questions (with answers) about  high school physics.\n\n"
        "What, in dev?\nA. one\nB. two\nC. None\nD. four\nAnswer: C\n\n"
        "What, in test?\nA. one\nB. two\nC. None\nD. four\nAnswer:"
    )
    assert (prompt.id, prompt.choices[2], prompt.reference) == ("high_school_physics/test/0", " C", "C")


def test_anatomy_counts_among_stem_for_lm_eval_alone(folder: Path) -> None:
    both = {"subjects": ["high_school_physics", "anatomy"]}
    groups = {one.name: one.groups for one in mmlu(folder, **both).categories()}
    assert groups == {"Other": ("anatomy",), "STEM": ("high_school_physics",)}
    harness = {one.name: one.groups for one in mmlu(folder, **both, protocol="harness").categories()}
    assert harness == {"STEM": ("anatomy", "high_school_physics")}


def test_llamafactory_asks_english_in_chat_form_alone(folder: Path) -> None:
    with pytest.raises(ValueError, match="encodes each turn by itself"):
        mmlu(folder, protocol="llamafactory", chat=False)


def test_the_other_splits(folder: Path) -> None:
    for split in ("val", "dev"):
        (prompt,) = mmlu(folder, subjects=["anatomy"], split=split).prompts(None)
        assert prompt.id == f"anatomy/{split}/0"
        assert f"What, in {split}?" in (prompt.text or "")
    with pytest.raises(ValueError, match="the shots come from dev"):
        mmlu(folder, split="dev", shots=1)


@real
def test_real_files_are_read_whole() -> None:
    prompts = list(mmlu(REAL, shots=5).prompts(None))
    assert (len(prompts), len({prompt.group for prompt in prompts})) == (57 * 20, 57)
    assert {(prompt.text or "").count("\nAnswer:") for prompt in prompts} == {6}
    sizes = {one.name: len(one.groups) for one in mmlu(REAL).categories()}
    assert sizes == {"Humanities": 13, "Other": 14, "STEM": 18, "Social Science": 12}
