"""A value with its interval as a small SVG strip, for a table cell; a forest plot is a column of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from zhiyin.records.score import Comparison
from zhiyin.report.summary import Finding, Row, is_share


@dataclass(frozen=True)
class Scale:
    """The values at the left and right end of a strip."""

    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value lies, in per cent of the strip's width; values outside stop at its ends."""
        return min(100.0, max(0.0, 100 * (value - self.start) / (self.end - self.start)))


def scale_of_row(row: Row) -> Scale:
    """Return the scale of a row: from 0 to 1 for a share, otherwise what holds every interval."""
    if is_share(row.measure):
        return Scale(0.0, 1.0)
    return _around([bound for line in row.cells if line for bound in (line.score.low, line.score.high)])


def scale_of_differences(findings: Sequence[Finding], measure: str) -> Scale:
    """Return a scale around zero that holds every interval of one measure."""
    return scale_around([one.comparison for one in findings if one.comparison.measure == measure])


def scale_around(comparisons: Sequence[Comparison]) -> Scale:
    """Return a scale around zero that holds every interval."""
    return _around([0.0, *(bound for one in comparisons for bound in (one.low, one.high))])


def strip(scale: Scale, low: float, value: float, high: float, mark: float | None) -> str:
    """Draw an interval as a line with a dot at its value, and `mark` (chance, no difference) as a dashed rule."""
    left, middle, right = scale.place(low), scale.place(value), scale.place(high)
    rule = "" if mark is None else _path("mark", f"M{scale.place(mark):.2f} 1v14")
    return (
        '<svg class="strip" aria-hidden="true" viewBox="0 0 100 16" preserveAspectRatio="none">'
        f"{_path('axis', 'M0 8h100')}{rule}{_path('interval', f'M{left:.2f} 8H{right:.2f}')}"
        f"{_path('dot', f'M{middle:.2f} 8h0')}</svg>"
    )


def _path(kind: str, line: str) -> str:
    """A path keeps its width however wide the strip is; a line of no length with round ends is a dot."""
    return f'<path class="{kind}" d="{line}"/>'


def _around(values: Sequence[float]) -> Scale:
    least, most = min(values), max(values)
    margin = 0.08 * (most - least) or abs(most) * 0.05 or 1.0
    return Scale(least - margin, most + margin)
