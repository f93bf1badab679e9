"""The bench of data: the rows it makes up, our side on a few of them, and that it tells rows that differ."""

import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from bench.sides import data_corpus, data_ours, data_tokens
from bench.sides.data_corpus import Family
from bench.sides.data_work import LABEL, Report, Work

from bench import data

ROWS = 600
WORDS = "春眠不觉晓处闻啼鸟夜来风雨声花落知多少白日依山尽黄河入海流欲穷千里目更上一层楼床前明月光疑是地霜举头望低思故乡"
QUESTIONS = [
    ["下列哪一首诗是唐代诗人王维在长安所写？"],
    ["How many apples has Tom if he buys seven bags of twelve apples each day?"],
]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows of two families of made-up sentences."""
    draw = random.Random(0)

    def sentence(least: int, most: int) -> str:
        return "".join(draw.choices(WORDS, k=draw.randint(least, most))) + "。"

    found = [
        Family(name, [sentence(6, 20) for _ in range(40)], [sentence(12, 40) for _ in range(3000)], (90, 200))
        for name in ("poems", "letters")
    ]
    monkeypatch.setattr(data_corpus, "families", lambda questions: found)
    monkeypatch.setattr(data_corpus, "exam_questions", lambda shortest=16: QUESTIONS)
    return data_corpus.corpus(ROWS, tmp_path / "cache")


@pytest.fixture
def work(corpus: Path, tmp_path: Path) -> Work:
    prompts = data.prompts(tmp_path / "prompts")
    return Work("ours", str(corpus), str(prompts), str(tmp_path / "out"), wanted=300, workers=1)


def origins(corpus: Path) -> list[str]:
    return Path(f"{corpus}.origins").read_text(encoding="utf-8").split()


def rows(corpus: Path) -> list[dict[str, str]]:
    files = sorted(corpus.glob("*.jsonl"))
    assert len(files) == data_corpus.PARTS
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").split("\n") if line]


def test_the_corpus_holds_what_it_says(corpus: Path) -> None:
    found, said = rows(corpus), origins(corpus)
    assert Counter(origin[0] for origin in said) == {"u": 480, "e": 60, "n": 60, "c": 100}
    first = {origin[1:]: row for origin, row in zip(said, found, strict=True) if origin[0] == "u"}
    for origin, row in zip(said, found, strict=True):
        if origin[0] == "e":
            assert row == first[origin[1:]]
        elif origin[0] == "n":
            assert row["instruction"] == first[origin[1:]]["instruction"]
            assert row["output"] != first[origin[1:]]["output"]
        elif origin[0] == "c":
            assert row["instruction"] in (*QUESTIONS[0], *QUESTIONS[1])


def test_the_corpus_is_the_same_every_time(corpus: Path, tmp_path: Path) -> None:
    again = data_corpus.corpus(ROWS, tmp_path / "again")
    assert rows(again) == rows(corpus)
    other = data_corpus.corpus(ROWS, tmp_path / "other", seed=8)
    assert rows(other) != rows(corpus)


def test_no_row_is_nearly_another_by_chance(corpus: Path) -> None:
    def shingles(row: dict[str, str]) -> set[str]:
        text = row["instruction"] + row["output"]
        return {text[at : at + 5] for at in range(len(text) - 4)}

    sets = [shingles(row) for row, origin in zip(rows(corpus), origins(corpus), strict=True) if origin[0] == "u"][:150]
    worst = max(len(a & b) / len(a | b) for at, a in enumerate(sets) for b in sets[:at])
    assert worst < 0.5


@pytest.mark.parametrize("length", [40, 80, 200, 799])
def test_there_is_an_edit_for_every_80_characters(length: int) -> None:
    from difflib import SequenceMatcher

    text = "".join(random.Random(1).choices(WORDS, k=length))
    changed = data_corpus.edited(random.Random(2), text)
    edits = [code for code in SequenceMatcher(None, text, changed, autojunk=False).get_opcodes() if code[0] != "equal"]
    assert 1 <= len(edits) <= max(1, length // 80)


def test_a_sentence_that_quotes_a_question_is_seen() -> None:
    chinese, english = data_corpus.windows(QUESTIONS[0], 13), data_corpus.windows(QUESTIONS[1], 50)
    assert data_corpus.quotes("有人问：“哪一首诗是唐代，诗人王维在长安”", chinese, english)
    assert data_corpus.quotes(f"so {QUESTIONS[1][0].upper()}", chinese, english)
    assert not data_corpus.quotes("诗人王维在长安所写，下列哪一首", chinese, english)


def test_our_side_keeps_a_row_of_each_group_and_no_leak(work: Work, corpus: Path) -> None:
    report = Report()
    data_ours.side(work, report)
    assert report.rows["mix"] == 300
    said = data.quality(work, report)
    assert "480 of 480 groups" in said
    assert "0 of 100 leaks left" in said
    assert int(said.split(" surplus")[0].rpartition(" ")[2]) <= 1
    again = Report()
    data_ours.side(replace(work, out=f"{work.out}-again", workers=2), again)
    assert data.same("datasets", report, again).startswith("the same rows, in order: ")
    fewer = Report()
    data_ours.side(replace(work, out=f"{work.out}-fewer", wanted=299), fewer)
    with pytest.raises(SystemExit, match="other rows"):
        data.same("datasets", report, fewer)
    assert data.same("datatrove", report, fewer).startswith("100.0% of the records")


def test_ids_are_those_of_the_origins(corpus: Path) -> None:
    ids = list(data._ids(corpus))
    assert len(ids) == len(origins(corpus)) == len(set(ids))
    assert ids[0] == f"{LABEL}/part-0.jsonl:1"


def test_a_side_is_measured_with_all_its_processes(tmp_path: Path) -> None:
    inner = "import time; held = bytearray(80_000_000); sum(range(5_000_000)); time.sleep(1)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    before = data.children_seconds()
    with data.Watch() as watch:
        subprocess.run([sys.executable, "-c", outer], check=True)
    assert watch.peak > 80_000_000
    assert data.children_seconds() - before > 0.05


def test_packed_examples_are_told_apart() -> None:
    packed = [([1, 5, 6, 1, 7], [-100, 5, 6, -100, 7]), ([1, 8], [-100, 8])]
    found = list(data_tokens.apart(packed, begin=1))
    assert found == [([1, 5, 6], [-100, 5, 6]), ([1, 7], [-100, 7]), ([1, 8], [-100, 8])]
    assert data_tokens.digest([[1], [2, 3]]) == data_tokens.digest([[2, 3], [1]]) != data_tokens.digest([[1, 2], [3]])


@pytest.mark.peer
@pytest.mark.parametrize("rival", ["datasets", "datatrove"])
def test_the_rivals_do_the_same_work(rival: str, work: Work, tmp_path: Path) -> None:
    made = {side: data.measure(replace(work, side=side), tmp_path) for side in ("ours", rival)}
    assert data.same(rival, made["ours"].report, made[rival].report)
    assert "0 of 100 leaks left" in data.quality(work, made[rival].report)
    assert made[rival].cpu_seconds > made["ours"].cpu_seconds
