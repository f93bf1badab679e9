"""Exams of one's own: from CSV and JSON Lines alike, grouped by subject, and every bad row named."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import Desk, make_benchmark

from zhiyin.evaluation.benchmarks.own_exam import OwnExam
from zhiyin.evaluation.protocols.known import PROTOCOLS

ROWS: list[dict[str, Any]] = [
    {
        "question": f"问{number}",
        "A": "甲",
        "B": "乙",
        "C": "丙",
        "D": "丁",
        "answer": "ABCD"[number % 4],
        "subject": subject,
    }
    for number, subject in enumerate(("茶", "酒", "茶", "酒"))
]


def own(file: Path, **settings: Any) -> OwnExam:
    found = make_benchmark({"name": "own_exam", "file": str(file), **settings})
    assert isinstance(found, OwnExam)
    return found


def as_csv(file: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def as_lines(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def test_csv_and_json_lines_ask_the_same(tmp_path: Path) -> None:
    first = list(own(as_csv(tmp_path / "drinks.csv", ROWS)).prompts(None))
    assert first == list(own(as_lines(tmp_path / "drinks.jsonl", ROWS)).prompts(None))
    assert [(one.id, one.group, one.reference) for one in first] == [
        ("茶/0", "茶", "A"),
        ("茶/1", "茶", "C"),
        ("酒/0", "酒", "B"),
        ("酒/1", "酒", "D"),
    ]
    assert (first[0].text or "").startswith("以下是关于茶的单项选择题")


def test_without_subjects_the_file_names_the_group(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "subject"} for row in ROWS]
    prompts = list(own(as_csv(tmp_path / "饮品.csv", rows)).prompts(None))
    assert {prompt.group for prompt in prompts} == {"饮品"}
    assert prompts[3].id == "饮品/3"


def test_shots_come_from_the_examples_of_the_subject(tmp_path: Path) -> None:
    file, shown = as_csv(tmp_path / "a.csv", ROWS), as_lines(tmp_path / "b.jsonl", ROWS)
    prompt = next(own(file, examples=str(shown), shots=2, wording="ceval").prompts(None))
    assert (prompt.text or "").count("答案：") == 3
    assert "问2" in (prompt.text or "")
    assert "问1" not in (prompt.text or "")
    with pytest.raises(ValueError, match="茶: 3 shots wanted, dev has 2"):
        list(own(file, examples=str(shown), shots=3).prompts(None))
    with pytest.raises(ValueError, match="name the file that has them as `examples`"):
        list(own(file, shots=1).prompts(None))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_asks_it(tmp_path: Path, protocol: str) -> None:
    file = as_csv(tmp_path / "a.csv", ROWS)
    prompts = list(own(file, examples=str(file), shots=1, protocol=protocol, wording="mmlu").prompts(None))
    assert [one.reference for one in prompts] == ["A", "C", "B", "D"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "E"}, "a.jsonl:3: the answer must be a letter from A to D, not 'E'"),
        ({"C": ""}, "a.jsonl:3: C missing, empty or no text"),
        ({"B": 4}, "a.jsonl:3: B missing, empty or no text"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = as_lines(tmp_path / "a.jsonl", [*ROWS[:2], {**ROWS[2], **change}])
    with pytest.raises(ValueError, match=message):
        list(own(file).prompts(None))


def test_bad_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,A,B,C,answer\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv: the columns \['D'\] are missing"):
        list(own(tmp_path / "a.csv").prompts(None))
    (tmp_path / "a.jsonl").write_text("\n[1]\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.jsonl:2: expected an object"):
        list(own(tmp_path / "a.jsonl").prompts(None))
    (tmp_path / "b.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"b\.jsonl:1: this line is not JSON"):
        list(own(tmp_path / "b.jsonl").prompts(None))


def test_a_short_csv_row_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,A,B,C,D,answer\n问,甲,乙\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv:2: C, D, answer missing"):
        list(own(tmp_path / "a.csv").prompts(None))


def test_scoring_needs_no_file(desk: Desk, tmp_path: Path) -> None:
    file = as_csv(tmp_path / "a.csv", ROWS)
    prompts = desk.prepared({"name": "own_exam", "file": str(file), "examples": str(file), "shots": 1})
    scored = desk.scored(prompts, "skilled", 1.0)
    desk.run(prompts)
    file.unlink()
    assert desk.run(scored).overview.measures["accuracy"].mean == 1.0
