"""Rewards and inspections are written and read back as they were."""

from pathlib import Path

from zhiyin.artifacts import Inspection, RewardScores
from zhiyin.records import jsonl
from zhiyin.records.inspection import Lengths, Piece, Shown
from zhiyin.records.reward import Reward


def test_rewards_come_back_in_order(tmp_path: Path) -> None:
    rewards = [Reward("b", 1, 0.5), Reward("a", 0, -2.25)]
    made = RewardScores.write(tmp_path / "out", rewards, truncated=1)
    assert list(made) == rewards
    assert made.summary == {"rewards": 2, "truncated": 1}


def test_an_inspection_gives_its_tables_and_its_page_is_no_result(tmp_path: Path) -> None:
    line = Lengths("gemma2", "a", "s", "", 1, 3.0, 3, 3, 3, 0, 0.5, 1.5)
    shown = Shown("a", "1", "s", "", 3, False, (Piece("好", (1, 2), True), Piece("\n", (3,), False)))
    jsonl.write(tmp_path / "lengths.jsonl", [line])
    jsonl.write(tmp_path / "samples.jsonl", [shown])
    made = Inspection(tmp_path)
    assert list(made.lengths) == [line]
    assert list(made.samples) == [shown]
    assert [Inspection.role(name) for name in ("inspection.html", "lengths.jsonl")] == ["telemetry", "result"]
