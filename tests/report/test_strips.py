"""The interval strips: their scales, and where a value lies on them."""

from xml.etree import ElementTree

import pytest

from zhiyin.records.score import Comparison, Score
from zhiyin.report.strips import Scale, scale_of_differences, scale_of_row, strip
from zhiyin.report.summary import Finding, Line, Row


def row(measure: str, *bounds: tuple[float, float]) -> Row:
    scores = [Score("b", measure, "", (low + high) / 2, low, high, 9, 0) for low, high in bounds]
    cells = tuple(Line("b", "p", f"m{number}", score, None, (), "s", "p") for number, score in enumerate(scores))
    return Row("b", "p", measure, "", None, (*cells, None))


def finding(measure: str, low: float, high: float) -> Finding:
    comparison = Comparison("b", measure, 0, 0, (low + high) / 2, low, high, 9, 1, 0, None)
    return Finding("v", "b", "x", "y", comparison, "", 0.0, None, "g", "p", ("s", "t"), "")


def test_shares_run_from_nothing_to_all_and_the_rest_over_what_was_measured() -> None:
    assert scale_of_row(row("accuracy", (0.3, 0.4))) == Scale(0.0, 1.0)
    scale = scale_of_row(row("characters", (10, 20), (40, 60)))
    assert scale.start < 10 < 60 < scale.end
    level = scale_of_row(row("characters", (10, 10)))
    assert level.place(10) == pytest.approx(50)


def test_differences_of_one_measure_share_a_scale_that_holds_zero() -> None:
    found = [finding("accuracy", 0.1, 0.4), finding("accuracy", 0.2, 0.6), finding("characters", -90, -50)]
    scale = scale_of_differences(found, "accuracy")
    assert scale.start < 0 < 0.6 < scale.end < 1
    assert scale_of_differences(found, "characters").place(0) > 90


def test_a_strip_puts_dot_line_and_mark_where_their_values_are() -> None:
    svg = ElementTree.fromstring(strip(Scale(0, 2), 0.5, 1.0, 1.5, 0.25))
    assert {path.attrib["class"]: path.attrib["d"] for path in svg} == {
        "axis": "M0 8h100",
        "mark": "M12.50 1v14",
        "interval": "M25.00 8H75.00",
        "dot": "M50.00 8h0",
    }
    bare = ElementTree.fromstring(strip(Scale(0, 2), -1, 1.0, 9, None))
    assert {path.attrib["class"]: path.attrib["d"] for path in bare} == {
        "axis": "M0 8h100",
        "interval": "M0.00 8H100.00",
        "dot": "M50.00 8h0",
    }, "it never leaves its cell"
