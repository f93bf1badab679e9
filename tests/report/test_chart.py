"""A chart: round ticks that hold the data, points where their values are, nothing a page could not carry."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Stroke, chart, ticks


def test_ticks_are_round_and_hold_the_values() -> None:
    assert ticks(0.12, 0.94) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-3.1, 1.2) == [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0]
    assert ticks(0, 1071, whole=True) == [0.0, 250.0, 500.0, 750.0, 1000.0]
    assert ticks(1, 4, whole=True) == [1.0, 2.0, 3.0, 4.0], "there is no half step"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_even_and_around_the_values(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 9
    assert found[0] <= low + 1e-6 * span
    assert found[-1] >= low + span - 1e-6 * span
    steps = [second - first for first, second in pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)


def test_a_level_line_has_an_axis_around_it() -> None:
    assert ticks(2.0, 2.0)[0] < 2.0 < ticks(2.0, 2.0)[-1]
    assert ticks(0.0, 0.0)[0] < 0.0 < ticks(0.0, 0.0)[-1]


def line_of(svg: str) -> list[tuple[float, float]]:
    path = next(one for one in ElementTree.fromstring(svg).iter("path") if one.attrib["class"].startswith("line"))
    numbers = [float(one) for one in re.findall(r"-?[\d.]+", path.attrib["d"])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_points_lie_where_their_values_are() -> None:
    svg = chart([Stroke([0, 50, 100], [0.0, 1.0, 0.5], "one", "firm")], "loss", "step")
    left, top, right, bottom = LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM
    assert line_of(svg) == [(left, bottom), ((left + right) / 2, top), (right, (top + bottom) / 2)]


def test_very_small_values_are_written_in_a_power_of_ten() -> None:
    words = "".join(ElementTree.fromstring(chart([Stroke([1, 2], [0.0, 4e-5], "one", "firm")], "t", "s")).itertext())
    assert "× 10⁻⁵" in words
    assert "e-" not in words


def test_a_value_that_is_no_number_is_left_out_of_the_line() -> None:
    svg = chart([Stroke([1, 2, 3], [1.0, math.nan, 2.0], "one", "firm")], "loss", "step")
    assert len(line_of(svg)) == 2
    assert "nan" not in svg
    assert "<path" in chart([Stroke([1], [math.inf], "one", "held")], "loss", "step")


def test_words_are_escaped_and_colours_are_the_pages() -> None:
    svg = chart([Stroke([1, 2], [1, 2], "two", "held")], '<b> & "c"', "<i>")
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == '<b> & "c"'
    assert "#" not in svg
    assert "style" not in svg
