"""Questions with their options turned, and the files they are read from."""

from pathlib import Path

import pytest

from zhiyin.evaluation.extract import LETTERS
from zhiyin.evaluation.questions import CEVAL_FILES, CMMLU_FILES, MMLU_FILES, Question, original, read


@pytest.mark.parametrize("places", range(4))
@pytest.mark.parametrize("answer", LETTERS)
def test_the_right_letter_goes_with_its_text(places: int, answer: str) -> None:
    question = Question("问", ("甲", "乙", "丙", "丁"), answer)
    turned = question.turned(places)
    assert turned.options[LETTERS.index(turned.answer)] == question.options[LETTERS.index(answer)]
    assert turned.options == question.options[places:] + question.options[:places]
    assert [question.options[original(place, places)] for place in range(4)] == list(turned.options)
    assert question.turned(0) == question


def test_a_question_without_a_label_turns_too() -> None:
    assert Question("问", ("甲", "乙", "丙", "丁"), "").turned(1) == Question("问", ("乙", "丙", "丁", "甲"), "")


def test_the_layouts(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,question,A,B,C,D,answer,explanation\n3,问, 甲,乙,丙,丁,C,\n", encoding="utf-8")
    assert read(file, CEVAL_FILES) == [Question("问", (" 甲", "乙", "丙", "丁"), "C", "3")]
    file.write_text("id,question,A,B,C,D\n3,问,甲,乙,丙,丁\n", encoding="utf-8")
    assert read(file, CEVAL_FILES) == [Question("问", ("甲", "乙", "丙", "丁"), "", "3")]
    file.write_text('"What, then?",None,b,c,d,A\n', encoding="utf-8")
    assert read(file, MMLU_FILES) == [Question("What, then?", ("None", "b", "c", "d"), "A")]
    file.write_text(",Question,A,B,C,D,Answer\n7,问,甲,乙,丙,丁,D\n", encoding="utf-8")
    assert read(file, CMMLU_FILES) == [Question("问", ("甲", "乙", "丙", "丁"), "D", "7")]


@pytest.mark.parametrize("row", ["问,甲,乙,丙,丁,E", "问,甲,乙,丙,丁", "问,甲,乙,,丁,A", "问,甲,乙,丙,丁,A,好"])
def test_a_row_that_is_no_question_is_named(tmp_path: Path, row: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"问,甲,乙,丙,丁,A\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv:2: expected a question, A to D and its answer"):
        read(file, MMLU_FILES)


def test_unlabelled_rows_do_not_pass_for_labelled_ones(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,question,A,B,C,D,answer\n0,问,甲,乙,丙,丁,\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv:2: expected a number, a question"):
        read(file, CEVAL_FILES)
