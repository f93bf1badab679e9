"""A step reports; whoever watches is told, and nobody has to."""

from zhiyin.execution.progress import report, watched_by


def test_without_a_watcher_a_report_goes_nowhere() -> None:
    report(1, 2, "steps")
    seen: list[object] = []
    with watched_by(lambda *state: seen.append(state)):
        pass
    report(1, 2, "steps")
    assert seen == []


def test_a_watcher_is_told_and_an_inner_one_takes_over() -> None:
    outer: list[object] = []
    inner: list[object] = []
    with watched_by(lambda *state: outer.append(state)):
        report(1, 3, "steps", loss="2.5")
        with watched_by(lambda *state: inner.append(state)):
            report(2, 3, "steps")
        report(3, 3, "records")
    assert outer == [(1, 3, "steps", {"loss": "2.5"}), (3, 3, "records", {})]
    assert inner == [(2, 3, "steps", {})]
