"""The curves: grouped, smoothed lightly, and at home in the page."""

import re
from xml.etree import ElementTree

import pytest

from zhiyin.artifacts import CurvePoint
from zhiyin.report.plots import INKS, MOST_POINTS, panels, smooth


def points(count: int) -> list[CurvePoint]:
    found = []
    for number in range(count):
        values = {"loss": 1 / (number + 1), "rewards/chosen": 0.1, "rewards/rejected": -0.1, "tokens": 5.0}
        found.append(CurvePoint(number, "train", values))
    return [*found, CurvePoint(count, "held_out", {"loss": 0.5})]


def test_measures_share_a_plot_with_their_kin_and_strangers_get_their_own() -> None:
    made = {panel.title: panel for panel in panels(points(30), "f")}
    assert list(made) == ["loss", "rewards", "tokens"]
    assert [(line.measure, line.split) for line in made["loss"].lines] == [("loss", "train"), ("loss", "held_out")]
    assert [line.measure for line in made["rewards"].lines] == ["rewards/chosen", "rewards/rejected"]
    assert made["loss"].lines[0].values == tuple(1 / (number + 1) for number in range(30))
    assert made["loss"].lines[1].steps == (30,)


def test_a_plot_has_its_own_ids_and_the_colours_and_fonts_of_the_page() -> None:
    first, second = (next(iter(panels(points(30), name))).svg for name in ("f", "g"))
    for svg, name in ((first, "f-0-"), (second, "g-0-")):
        root = ElementTree.fromstring(svg)
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        assert all(one.startswith(name) for one in ids)
        references = re.findall(r"(?:url\(|href=\")#([^)\"]+)", svg)
        assert len(references) > 5
        assert set(references) <= set(ids)
        assert "http" not in svg
        assert "<style" not in svg
        assert not any(colour in svg for colour in INKS)
        assert "var(--one)" in svg
        assert "font:" not in svg
        assert "font-family" not in svg
        assert "<text" in svg, "text stays text, so that the reader's fonts draw it"
    assert first == next(iter(panels(points(30), "f"))).svg, "the same curve gives the same bytes"


def test_a_long_curve_stays_small() -> None:
    (short,) = (panel.svg for panel in panels(points(MOST_POINTS), "f") if panel.title == "tokens")
    (long,) = (panel.svg for panel in panels(points(50 * MOST_POINTS), "f") if panel.title == "tokens")
    assert len(long) < 1.5 * len(short)


def test_chinese_names_need_no_font_here() -> None:
    (panel,) = panels([CurvePoint(1, "训练", {"损失": 1.0}), CurvePoint(1, "留出", {"损失": 2.0})], "f")
    assert "训练" in panel.svg


def test_smoothing_keeps_a_level_and_averages_what_is_near() -> None:
    assert smooth([2.0] * 50) == [2.0] * 50
    assert smooth([0.0, 3.0, 0.0, 3.0]) == pytest.approx([1.5, 1.0, 2.0, 1.5])
    ramp = [float(number) for number in range(100)]
    assert smooth(ramp)[50] == 50.0, "it does not lag behind"
