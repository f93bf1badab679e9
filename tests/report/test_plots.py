"""The curves: grouped, smoothed lightly, and in the reader's words."""

from xml.etree import ElementTree

import pytest

from zhiyin.artifacts import CurvePoint
from zhiyin.report.plots import MOST_POINTS, panels, smooth


def points(count: int) -> list[CurvePoint]:
    found = []
    for number in range(count):
        values = {"loss": 1 / (number + 1), "rewards/chosen": 0.1, "rewards/rejected": -0.1, "tokens": 5.0}
        found.append(CurvePoint(number, "train", values))
    return [*found, CurvePoint(count, "held_out", {"loss": 0.5})]


def test_measures_share_a_plot_with_their_kin_and_strangers_get_their_own() -> None:
    made = {panel.title: panel for panel in panels(points(30), str)}
    assert list(made) == ["loss", "rewards", "tokens"]
    assert [(line.measure, line.split) for line in made["loss"].lines] == [("loss", "train"), ("loss", "held_out")]
    assert [line.measure for line in made["rewards"].lines] == ["rewards/chosen", "rewards/rejected"]
    assert made["loss"].lines[0].values == tuple(1 / (number + 1) for number in range(30))
    assert made["loss"].lines[1].steps == (30,)


def test_lines_are_told_apart_by_hue_and_the_held_out_ones_are_dashed() -> None:
    made = {
        panel.title: panel for panel in panels([*points(30), CurvePoint(30, "held_out", {"rewards/chosen": 0.0})], str)
    }
    hues = {(line.measure, line.split): line.hue for line in made["rewards"].lines}
    assert hues == {
        ("rewards/chosen", "train"): "one",
        ("rewards/chosen", "held_out"): "one",
        ("rewards/rejected", "train"): "two",
    }
    assert [(line.hue, line.held_out) for line in made["loss"].lines] == [("one", False), ("two", True)]
    drawn = [path.attrib["class"] for path in ElementTree.fromstring(made["loss"].svg).iter("path")]
    assert drawn == ["grid", "line faint one", "line firm one", "line held two", "dots two"]


def test_a_long_curve_stays_small() -> None:
    (short,) = (panel.svg for panel in panels(points(MOST_POINTS), str) if panel.title == "tokens")
    (long,) = (panel.svg for panel in panels(points(50 * MOST_POINTS), str) if panel.title == "tokens")
    assert len(long) < 1.5 * len(short)


def test_the_words_of_a_chart_are_the_readers() -> None:
    (panel,) = panels(
        [CurvePoint(1, "train", {"loss": 1.0})], {"loss": "损失", "optimiser step": "优化步数"}.__getitem__
    )
    assert 'aria-label="损失"' in panel.svg
    assert "优化步数" in panel.svg


def test_smoothing_keeps_a_level_and_averages_what_is_near() -> None:
    assert smooth([2.0] * 50) == [2.0] * 50
    assert smooth([0.0, 3.0, 0.0, 3.0]) == pytest.approx([1.5, 1.0, 2.0, 1.5])
    ramp = [float(number) for number in range(100)]
    assert smooth(ramp)[50] == 50.0, "it does not lag behind"
