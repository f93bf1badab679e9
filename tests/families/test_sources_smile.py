"""SMILECHAT: whole dialogues, or the windows its authors trained on."""

from pathlib import Path

import pytest
from tests.families.samples_sft import SAMPLES, counselling
from tests.families.sources import Files, Sample, made, texts, turns


def test_a_dialogue_of_smile_ends_with_the_counselor(tmp_path: Path) -> None:
    records, rejected = made("smile", SAMPLES["smile"], tmp_path)
    assert turns(records[0]) == [
        ("user", "睡不好。"),
        ("assistant", "多久了？"),
        ("user", "一个月。"),
        ("assistant", "先放松。"),
    ]
    assert turns(records[1]) == [("user", "睡不好。"), ("assistant", "多久了？")]
    assert [record.meta for record in records] == [{}, {"unanswered": "谢谢。"}]
    assert [row.reason for row in rejected] == [
        "a user turn where the assistant's is due",
        "not valid JSON: Input data was truncated",
        "a dialogue must be a list of turns, not dict",
        "a turn of the role 'supporter'",
    ]
    assert rejected[1].row == '[{"role": "client", "content": "睡不'


def test_a_dialogue_of_one_client_turn_is_no_dialogue(tmp_path: Path) -> None:
    files: Files = {"1.json": counselling("睡不好。"), "2.json": counselling("睡不好。", "多久了？")}
    assert [row.reason for row in made("smile", Sample(0, 0, files), tmp_path)[1]] == ["it ends with a user turn"]


def windows(dialogue: list[str], most: int) -> list[list[str]]:
    """Return, for every second turn, the turns before it from a client's on, and itself: the slow and obvious way."""
    found = []
    for end in range(1, len(dialogue), 2):
        before = dialogue[:end]
        while len(before) > most or len(before) % 2 == 0:
            before = before[1:]
        found.append([*before, dialogue[end]])
    return found


@pytest.mark.parametrize("window", [1, 2, 3, 9, 99])
def test_windows_of_smile_hold_every_answer_once(tmp_path: Path, window: int) -> None:
    said = [str(number) for number in range(13)]
    files: Files = {"1.json": counselling(*said[:12]), "2.json": counselling(*said)}
    records, rejected = made("smile", Sample(0, 0, files, {"window": window}), tmp_path)
    assert rejected == []
    assert texts(records) == windows(said[:12], window) * 2
    numbers = range(1, 7)
    assert [record.id for record in records] == [
        f"smile/{file}.json:1.{number}" for file in (1, 2) for number in numbers
    ]
    assert [record.meta for record in records] == [{}] * 11 + [{"unanswered": "12"}]


def test_an_unsound_dialogue_of_smile_is_set_aside_whole(tmp_path: Path) -> None:
    sample = Sample(0, 0, SAMPLES["smile"].files, {"window": 1})
    records, rejected = made("smile", sample, tmp_path / "windows")
    assert texts(records) == [["睡不好。", "多久了？"], ["一个月。", "先放松。"], ["睡不好。", "多久了？"]]
    _, whole = made("smile", SAMPLES["smile"], tmp_path / "whole")
    assert [(row.reason, row.row) for row in rejected] == [(row.reason, row.row) for row in whole]
