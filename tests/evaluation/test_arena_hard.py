"""Arena-Hard's verdicts, battles and files."""

from pathlib import Path
from typing import Any

import pytest

from zhiyin.evaluation.arena_hard import (
    Answer,
    Battle,
    Game,
    Judgment,
    Question,
    battles,
    read_answers,
    read_judgments,
    read_questions,
    verdict,
    write,
)

REAL = Path(__file__).parents[3] / "shared" / "data" / "arena_hard"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real Arena-Hard in ../shared/data/arena_hard")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("My final verdict is: [[A>>B]].", "A>>B"),
        ("... [[B>>A]]", "B>>A"),
        ("**[[A>B]]**", "A>B"),
        ("[[b>a]]", "B>A"),
        ("My final verdict is tie: [[A=B]]", "A=B"),
        ("[[B=A]]", "A=B"),
        ("[[A<B]]", "B>A"),
        ("[[A<<B]]", "B>>A"),
        ("[[ A >> B ]]", "A>>B"),
        ("Twice the same: [[A>B]] and again [[A>B]].", "A>B"),
        ("First [[A>B]], then [[A=B]].", None),
        ("[A>B]", None),
        ("[[A]]", None),
        ("[[A>A]]", None),
        ("[[A>>>B]]", None),
        ("Assistant A is better.", None),
        ("", None),
    ],
)
def test_a_verdict_is_read_or_not(text: str, read: str | None) -> None:
    assert verdict(text) == read


def test_of_several_verdicts_v2_takes_the_last() -> None:
    assert verdict("First [[A>B]], then [[B>>A]].", several="last") == "B>>A"
    assert verdict("First [[A>B]], then [[A>A]].", several="last") == "A>B"
    assert verdict("nothing", several="last") is None


def judged(uid: str, first: str | None, second: str | None, **changed: Any) -> Judgment:
    return Judgment(uid, **{"model": "mine", "games": [Game(first), Game(second)], "baseline": "base", **changed})


def test_the_model_is_b_in_the_first_game_and_a_in_the_second() -> None:
    found = battles([judged("q", "B>>A", "A>B"), judged("r", "A>>B", "A=B", category="hard_prompt")])
    assert found.unread == ()
    assert found.played == (
        Battle("q", "mine", "base", 1.0, 3.0),
        Battle("q", "mine", "base", 1.0, 1.0),
        Battle("r", "mine", "base", 0.0, 3.0, "hard_prompt"),
        Battle("r", "mine", "base", 0.5, 1.0, "hard_prompt"),
    )


def test_games_without_a_verdict_are_named() -> None:
    found = battles([judged("q", None, "B>>A"), judged("r", "A", "C>B", games=[None, Game("A>>B")])])
    assert [one.share for one in found.played] == [0.0, 1.0]
    assert found.unread == ("q mine, game 1", "r mine, game 1")


def test_a_baseline_is_named_for_files_that_do_not_say_it() -> None:
    (one, _) = battles([judged("q", "A=B", "A=B", baseline="")], baseline="gpt-4-0314").played
    assert one.baseline == "gpt-4-0314"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([judged("q", "A=B", "A=B", games=[Game("A=B")])], "judgment q of mine: 1 games against base"),
        ([judged("q", "A=B", "A=B", baseline="")], "judgment q of mine: 2 games against no baseline"),
        ([judged("q", "A=B", "A=B")] * 2, "judgment q of mine: 2 games against base, judged before"),
    ],
)
def test_a_judgment_that_is_no_pair_of_games_is_refused(rows: list[Judgment], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        battles(rows)


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    questions = [Question("1", "写一首诗\u2028。", "hard_prompt", subcategory="math")]
    write(tmp_path / "question.jsonl", questions)
    assert read_questions(tmp_path / "question.jsonl") == questions
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "问"},
        {"role": "assistant", "content": {"answer": "答"}},
    ]
    answers = [Answer("1", "mine", turns, metadata={"token_len": 3})]
    write(tmp_path / "mine.jsonl", answers)
    assert read_answers(tmp_path / "mine.jsonl") == answers
    assert answers[0].text == "答"
    rows = [judged("1", "A>B", None), judged("2", "A>>B", "A=B", games=[Game("A>B", {"answer": "[[A>B]]"}, []), None])]
    write(tmp_path / "judged.jsonl", rows)
    assert read_judgments(tmp_path / "judged.jsonl") == rows


def test_bad_lines_are_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"uid": "1", "prompt": "a", "category": "c"}\n{"uid": "1"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:2: not a Question: .*prompt"):
        read_questions(file)
    file.write_text('{"uid": "1", "prompt": "a", "category": "c"}\n' * 2, encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:2: 1 stands in line 1 already"):
        read_questions(file)
    file.write_text('{"uid": "1", "model": "m", "messages": [{"content": {"text": "a"}}]}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: answer 1 of m: the last message holds no text"):
        read_answers(file)
    row = '{"uid": "%s", "model": "%s", "messages": [{"content": "a"}]}\n'
    file.write_text(row % ("1", "m") + row % ("2", "n"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"answers of several models: \['m', 'n'\]"):
        read_answers(file)
    file.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="is empty"):
        read_answers(file)
    with pytest.raises(ValueError, match="holds no judgments"):
        read_judgments(file)


@real
def test_the_real_files_are_whole() -> None:
    first = read_questions(REAL / "arena-hard-v0.1" / "question.jsonl")
    assert (len(first), {one.category for one in first}) == (500, {"arena-hard-v0.1"})
    second = read_questions(REAL / "arena-hard-v2.0" / "question.jsonl")
    counts = [sum(one.category == name for one in second) for name in ("hard_prompt", "creative_writing")]
    assert counts == [500, 250]
    for model in ("gpt-4-0314", "gpt-4-0613"):
        answers = read_answers(REAL / "arena-hard-v0.1" / "model_answer" / f"{model}.jsonl")
        assert {one.uid for one in answers} == {one.uid for one in first}
        assert {one.model for one in answers} == {model}
