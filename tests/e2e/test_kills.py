"""A recipe killed twenty times, or run by two processes at once, ends with what one undisturbed run makes."""

import itertools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.faults import Order
from tests.e2e.small import RUN, STEPS, TRAINED, Place, assert_same, making, notes

from zhiyin.execution.store import CHECKPOINTS, PARTIAL

pytestmark = pytest.mark.slow

PATIENCE = 120.0
"""Seconds after which a process that did not come to its place is taken for hanging."""
TOUCHES = {
    "training": "",
    "checkpoint": rf"{{partial}}/{CHECKPOINTS}/step-\d+\.partial",
    "commit": "{partial}",
    "anywhere": " store/",
}
"""What the touches of a phase look like; paths are written as the process writes them, from its own folder."""


@dataclass(frozen=True)
class Plan:
    """One kill to come."""

    phase: str
    """`training`: from outside, at a random moment; `checkpoint`, `commit`, `anywhere`: at a random touch of it."""
    label: str = ""
    """The step; empty for whichever it is."""
    number: int = 1
    """New checkpoints to wait for, or the touch to die at."""
    touch: str = ""
    """What the touch looks like, where that is not left to chance."""


@dataclass(frozen=True)
class Kill:
    """One kill that was."""

    label: str
    phase: str
    where: str
    kept: tuple[int, ...]
    """Steps of the whole checkpoints it left."""
    first: int | None
    """The first checkpoint this process began, or None."""


def plans(chance: random.Random) -> Iterator[Plan]:
    """Yield twenty kills along the plan of the recipe; the order inside a training is left to chance."""
    yield Plan("commit", "prose", touch="open {partial}/manifest.json")
    yield Plan("anywhere", number=chance.randint(1, 40))
    for label, steps in TRAINED.items():
        inside = [Plan("training", label, chance.randint(1, steps // 12)) for _ in range(5 if label == "tuned" else 4)]
        inside += [Plan("checkpoint", label, chance.randint(1, 40)) for _ in range(2)]
        chance.shuffle(inside)
        yield from inside
        yield Plan("commit", label, *((chance.randint(1, 14),) if label == "base" else (1, "os.rename {partial}")))
    yield Plan("anywhere", number=chance.randint(1, 80))
    yield Plan("commit", "expert_answers", chance.randint(1, 7))
    yield Plan("anywhere", number=chance.randint(1, 60))


def test_twenty_kills_change_nothing(tmp_path: Path, undisturbed: Place) -> None:
    chance = random.Random(20)
    place = Place.in_(tmp_path / "killed")
    kills = [killed(place, plan, number, chance) for number, plan in enumerate(plans(chance), start=1)]
    last = place.run(*RUN)
    assert last.code == 0, last.err

    table = [f"{n:2} {k.label:<15} {k.phase:<10} {k.where}" for n, k in enumerate(kills, start=1)]
    print("\n".join(["", *table]))  # noqa: T201
    phases = Counter(kill.phase for kill in kills)
    assert phases == {"training": 9, "checkpoint": 4, "commit": 4, "anywhere": 3}
    assert len({kill.label for kill in kills}) >= 5
    assert gone_on_with(kills) >= 8
    assert_same(place, undisturbed)


def gone_on_with(kills: list[Kill]) -> int:
    """Count the processes that took up a training where the one before had left it, and check that each did.

    A training that begins anew writes its first checkpoint again. One that goes on writes a later one than it found.
    """
    count = 0
    for before, after in itertools.pairwise(kills):
        if before.kept and after.label == before.label and after.first is not None:
            assert after.first > before.kept[-1], (before, after)
            count += 1
    return count


def killed(place: Place, plan: Plan, number: int, chance: random.Random) -> Kill:
    """Start the recipe, kill it as planned, and tell where that was."""
    file = place.folder / f"{number}.notes"
    partial = f"store/{PARTIAL}/{place.recipe.steps[plan.label].folder}" if plan.label else ""
    touch = (plan.touch or TOUCHES[plan.phase]).format(partial=partial)
    order = Order(str(file), touch, plan.number, committing=plan.phase == "commit")
    process = place.start(*RUN, through=order.through(), log=str(number))
    try:
        where = struck(place, plan, process, chance) if plan.phase == "training" else ""
        code = process.wait(timeout=PATIENCE)
    finally:
        process.kill()
    assert code == -signal.SIGKILL, f"kill {number}, {plan}: ended with {code}\n{place.read(f'{number}.err')}"
    noted = notes(file)
    where = where or str(noted[-1]["killed"])
    begun = [each["checkpoint"] for each in noted if "checkpoint" in each]
    label = plan.label or next((label for folder, label in place.labels.items() if folder in where), "(no step)")
    kept = tuple(place.checkpoints(label)) if label in TRAINED else ()
    return Kill(label, plan.phase, where, kept, begun[0] if begun else None)


def struck(place: Place, plan: Plan, process: "subprocess.Popen[str]", chance: random.Random) -> str:
    """Kill a process at a random moment inside a training; returns where it was.

    It is stopped first, and killed only where it is seen to be inside: so a slow machine changes the moment, never the
    kind of it.
    """
    before = set(place.checkpoints(plan.label))
    seen = set(before)
    until = time.monotonic() + PATIENCE
    while len(seen - before) < plan.number:
        seen |= set(place.checkpoints(plan.label))
        assert process.poll() is None, f"{plan}: it ended with {process.returncode} before its kill"
        assert time.monotonic() < until, f"{plan}: no new checkpoint"
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.06))
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    partial = place.partial(plan.label)
    written = [path.name for path in partial.glob("*.safetensors")]
    newest = place.checkpoints(plan.label)[-1]
    assert partial.is_dir(), f"{plan}: the training is over"
    assert written == [], f"{plan}: the training is over: {written}"
    process.kill()
    return f"after checkpoint {newest} of {TRAINED[plan.label]} steps"


@pytest.mark.parametrize("midway", [False, True], ids=["at once", "midway"])
def test_two_processes_make_each_artifact_once(tmp_path: Path, undisturbed: Place, midway: bool) -> None:
    place = Place.in_(tmp_path / "shared")
    first = place.start(*RUN, log="first")
    until = time.monotonic() + PATIENCE
    while midway and "base" not in making(place.read("first.out")):
        assert first.poll() is None, place.read("first.err")
        assert time.monotonic() < until, "the first process does not come to its training"
        time.sleep(0.01)
    second = place.start(*RUN, log="second")
    codes = [process.wait(timeout=2 * PATIENCE) for process in (first, second)]
    logs = [place.read("first.out"), place.read("second.out")]
    assert codes == [0, 0], place.read("first.err") + place.read("second.err")
    assert sorted(making(logs[0]) + making(logs[1])) == sorted(place.labels.values())
    assert "another process makes it; waiting" in logs[0] + logs[1]
    assert_same(place, undisturbed)
    links = sorted(path.name for path in (place.folder / "runs" / "small").iterdir())
    assert len(links) == STEPS
    assert [name for name in links if name.startswith(".")] == []
