"""What is seen while a step runs, on a terminal and in a log."""

import io
import logging
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from zhiyin.artifacts import Page
from zhiyin.cli import live
from zhiyin.cli.live import Bar, Lines, Pace, Watcher, warnings_above, watcher
from zhiyin.cli.units import brief, duration, size
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runner import Event
from zhiyin.execution.step import Step

STEP = Step("sft", lambda: Page, StepConfig(), {}, Page)  # type: ignore[arg-type,return-value]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands until a test moves it."""
    now = [100.0]
    monkeypatch.setattr(live, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def _follow(watching: Watcher, clock: list[float]) -> None:
    """Say how far a step is at once, and a second time six seconds later."""
    watching.event(Event(STEP, "making", 2, 12))
    watching.progress(1, 100, "steps", {"loss": "2.31", "tokens/s": "4,100"})
    clock[0] += 6
    watching.progress(50, 100, "steps", {"loss": "1.07", "tokens/s": "4,200"})
    watching.event(Event(STEP, "made", 2, 12))


def test_terminal(clock: list[float]) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, highlight=False)
    watching = watcher(console, ["sft", "longer"])
    assert isinstance(watching, Bar)
    watching.event(Event(STEP, "making", 2, 12))
    watching.progress(1, 100, "steps", {})
    clock[0] += 6
    watching.progress(50, 100, "steps", {"loss": "1.07", "tokens/s": "4,200"})
    assert watching.bar is not None
    watching.bar.refresh()
    shown = out.getvalue()
    assert "[ 2/12] sft" in shown
    assert "50/100 steps, loss 1.07, tokens/s 4,200, 6.1 s left" in shown
    watching.event(Event(STEP, "made", 2, 12))
    assert watching.bar is None
    assert (watching.made, watching.held, watching.running) == (1, 0, None)
    assert "\x1b[32m[ 2/12] sft     made  " in out.getvalue()


def test_log(clock: list[float]) -> None:
    out = io.StringIO()
    watching = watcher(Console(file=out, soft_wrap=True, highlight=False, markup=False), ["sft"])
    assert isinstance(watching, Lines)
    _follow(watching, clock)
    lines = out.getvalue().splitlines()
    assert lines[0] == "[ 2/12] sft  making"
    assert lines[1] == "[ 2/12] sft  50/100 steps, loss 1.07, tokens/s 4,200, 6.1 s left"
    assert lines[2] == "[ 2/12] sft  made  6.0 s"
    assert "\x1b" not in out.getvalue()


def test_log_in_chinese(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    out = io.StringIO()
    _follow(watcher(Console(file=out, soft_wrap=True, highlight=False, markup=False), ["诗", "sft"]), clock)
    lines = out.getvalue().splitlines()
    assert lines[0] == "[ 2/12] sft  制作中"
    assert lines[1] == "[ 2/12] sft  50/100 步，损失 1.07，词元/秒 4,200，剩余 6.1 s"
    assert lines[2] == "[ 2/12] sft  完成  6.0 s"


def test_log_is_quiet_between(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setattr(live, "PLAIN_SECONDS", 6.5)
    out = io.StringIO()
    _follow(watcher(Console(file=out), ["sft"]), clock)
    assert len(out.getvalue().splitlines()) == 2


def test_a_warning_of_a_step_stands_above_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    out = io.StringIO()
    watching = watcher(Console(file=out, soft_wrap=True, highlight=False), ["sft"])
    watching.event(Event(STEP, "making", 2, 12))
    logger = logging.getLogger("zhiyin.training.probes")
    with warnings_above(watching):
        logger.warning(
            "only 1 of [20] probes ended by a stop token within 9 tokens; "
            "the model may not have learnt to stop: probes.jsonl holds its answers"
        )
        logger.info("a word of information")
        logger.debug("not for people")
    logger.warning("after the run")
    assert out.getvalue().splitlines()[1:] == [
        "sft: [20] 个探测问题中只有 1 个在 9 个词元之内以停止词元结束；模型可能没有学会停止，其回答见 probes.jsonl",
        "sft: a word of information",
    ]


def test_pace_counts_from_the_first_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step taken up at 900 of 1,000 did not do the 900 in this second."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    pace = Pace()
    assert pace.left(900, 1000) is None
    clock[0] = 10.0
    assert pace.left(920, 1000) == pytest.approx(40.0)
    clock[0] = 11.0
    assert pace.left(0, 10) is None
    clock[0] = 12.0
    assert pace.left(5, 10) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_duration(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_size_and_brief() -> None:
    assert [size(n) for n in (0, 999, 1500, 2.5e9, 3e12)] == ["0 B", "999 B", "1.5 kB", "2.5 GB", "3.0 TB"]
    assert brief({"a": [1, 0.123456789], "b": {}}) == "a: [1, 0.123457], b: none"
