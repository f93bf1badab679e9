"""80 questions, five systems and their judge through a server that misbehaves, in a run that is killed three times."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from tests.evaluation.court import CONCURRENCY, SYSTEMS, court, quality, questions, recipe, strange, troubled
from tests.inference.killing import ZHIYIN, kept, run_killed, wait_for
from tests.inference.unruly import Unruly, listening

from zhiyin.artifacts import ScoreSet
from zhiyin.execution.artifact import Manifest

KILLS = (130, 410, 447)
"""Replies after which the run is killed: among the second system's, and twice among the judge's."""


@pytest.mark.slow
def test_a_judged_run_killed_three_times_pays_no_reply_twice(tmp_path: Path, child_environment: dict[str, str]) -> None:
    texts = questions(tmp_path / "test_data")
    store = tmp_path / "store"
    with listening(Unruly(court, troubled, delay=0.002)) as server:
        file = recipe(tmp_path / "judged.yaml", server, tmp_path / "test_data")
        told = run_killed(server, file, store, KILLS, child_environment)
    assert server.record.paid.total() == 80 * 5 + 80
    assert set(server.record.paid.values()) == {1}, "no reply was paid twice"
    assert server.record.troubles.total() > 100
    assert "80 requests to judge-2023, about" in told
    assert "47 replies are kept from before" in told
    assert "33 requests to judge-2023, about" in told

    (scores,) = [
        ScoreSet(path.parent) for path in store.glob("score-*/manifest.json") if Manifest.read(path.parent).kind
    ]
    marks = list(scores.marks)
    assert len(marks) == 80 * 5
    assert {(mark.prompt_id, mark.measure) for mark in marks} == {
        (name, f"score/{system}") for name in texts for system in SYSTEMS
    }
    unread = {name for name, text in texts.items() if strange(text) is not None}
    assert 3 <= len(unread) <= 20
    for mark in marks:
        expected = quality(mark.measure.removeprefix("score/"), texts[mark.prompt_id])
        if mark.prompt_id in unread:
            assert (mark.value, mark.extracted) == (0.0, None)
        else:
            assert (mark.value, mark.extracted) == (expected, f"{expected:g}")
    assert {score.unanswered for score in scores.overview.measures.values()} == {len(unread)}


def has_paid(server: Unruly, count: int) -> bool:
    return server.record.paid.total() >= count


@pytest.mark.slow
def test_replies_on_their_way_when_it_is_killed(tmp_path: Path, child_environment: dict[str, str]) -> None:
    """Nobody can keep a reply that has not come: as many as were under way are paid again, unless the server helps."""
    for remembers in (False, True):
        place = tmp_path / str(remembers)
        questions(place / "test_data")
        store = place / "store"
        with listening(Unruly(court, delay=0.02, remembers=remembers)) as server:
            file = recipe(place / "answers.yaml", server, place / "test_data", judged=False)
            command = [sys.executable, "-c", ZHIYIN, "run", str(file), "--store", str(store)]
            for paid in (37, 250):
                with subprocess.Popen(command, cwd=place, env=child_environment, stdout=subprocess.DEVNULL) as run:
                    wait_for(partial(has_paid, server, paid))
                    os.kill(run.pid, signal.SIGKILL)
                wait_for(lambda: server.record.under_way == 0)
            subprocess.run(command, cwd=place, env=child_environment, stdout=subprocess.DEVNULL, check=True)
        assert kept(store) == len(server.record.paid) == 400
        again = server.record.paid.total() - 400
        assert again == 0 if remembers else again <= 2 * CONCURRENCY
