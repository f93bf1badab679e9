"""What rose and fell in the demo's items is what its gates counted, for every verdict."""

from pathlib import Path

import pytest
from tests.e2e.test_recipes import GATES, made
from tests.report.test_items import assert_flips

from zhiyin.artifacts import Verdict
from zhiyin.report.items import packed_exams


@pytest.mark.slow
def test_the_items_hold_the_flips_of_every_gate(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    verdicts = [Verdict(one.path) for one in made("tiny", GATES).values()]
    exams = {one.exam.folder: one for one in packed_exams([], [], verdicts)}
    assert len(verdicts) == 8
    assert sum((verdict.path / "flipped.jsonl").stat().st_size for verdict in verdicts) > 10_000
    for verdict in verdicts:
        assert_flips(verdict, exams)
