"""A small line chart as SVG: round ticks, the page's own colours and fonts, a few kB."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 360.0, 214.0
"""Of the chart, in SVG units: CSS pixels in a column of a wide page, and on a phone."""
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 16.0, 36.0
"""Room for ticks and labels around the lines."""
TICKS = 5
"""Ticks of an axis, about."""
LEAST, MOST = 1e-2, 1e5
"""Outside these the vertical axis is written in units of a power of ten."""
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
"""Digits as exponents."""


@dataclass(frozen=True)
class Stroke:
    """One line of the chart."""

    xs: Sequence[float]
    ys: Sequence[float]
    hue: str
    """CSS class that colours it."""
    kind: Literal["firm", "faint", "held"]
    """As a smooth line, as the raw one under it, or dashed with its points."""


@dataclass(frozen=True)
class Scale:
    """Maps values to places on the chart."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value lies."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def chart(strokes: Sequence[Stroke], title: str, below: str) -> str:
    """Return the chart as an `<svg>` element; `below` is the word under the horizontal axis."""
    xs = [x for stroke in strokes for x in stroke.xs]
    ys = [y for stroke in strokes for y in stroke.ys if math.isfinite(y)] or [0.0]
    start = 0.0 if 0 <= min(xs) < max(xs) / TICKS else min(xs)
    up = ticks(min(ys), max(ys))
    across = Scale(start, max(xs), LEFT, WIDTH - RIGHT)
    upward = Scale(up[0], up[-1], HEIGHT - BOTTOM, TOP)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        *_vertical_axis(up, upward),
        *_horizontal_axis(ticks(start, max(xs), whole=True), across),
        f'<text class="below" text-anchor="middle" x="{middle:g}" y="{HEIGHT - 5:g}">{escape(below)}</text>',
        *(_line(stroke, across, upward) for stroke in strokes),
    ]
    opened = f'<svg class="plot" role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}">'
    return f"{opened}{''.join(parts)}</svg>"


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about `TICKS` round values from `low` to `high`, at steps of 1, 2, 2.5 or 5 times a power of ten.

    An axis of values goes on to the round value beyond each end; one of whole numbers stays within.
    """
    if high <= low:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
        first, last = math.ceil(low / step), math.floor(high / step)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _vertical_axis(values: Sequence[float], scale: Scale) -> Iterator[str]:
    """Yield a line across for each tick, the ticks, and the power of ten they are written in, if any."""
    power = _power(values)
    places = [(value, scale.place(value)) for value in values]
    yield f'<path class="grid" d="{"".join(f"M{LEFT:g} {y:.1f}H{WIDTH - RIGHT:g}" for _, y in places)}"/>'
    for value, y in places:
        yield f'<text class="tick" text-anchor="end" x="{LEFT - 6:g}" y="{y + 4:.1f}">{_tick(value, power)}</text>'
    if power:
        yield f'<text class="tick" x="{LEFT:g}" y="10">× 10{str(power).translate(RAISED)}</text>'


def _horizontal_axis(values: Sequence[float], scale: Scale) -> Iterator[str]:
    y = HEIGHT - BOTTOM + 15
    for value in values:
        x = scale.place(value)
        yield f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{y:g}">{_tick(value, 0)}</text>'


def _power(values: Sequence[float]) -> int:
    """Return the power of ten in whose units an axis is written: 0 unless its values are very small or large."""
    largest = max(abs(value) for value in values)
    return 0 if largest == 0 or LEAST <= largest < MOST else math.floor(math.log10(largest))


def _tick(value: float, power: int) -> str:
    return f"{value / 10**power:.6g}".replace("-", "−")


def _line(stroke: Stroke, across: Scale, upward: Scale) -> str:
    values = zip(stroke.xs, stroke.ys, strict=True)
    points = [f"{across.place(x):.1f} {upward.place(y):.1f}" for x, y in values if math.isfinite(y)]
    if not points:
        return ""
    line = f'<path class="line {stroke.kind} {stroke.hue}" d="M{"L".join(points)}"/>'
    if stroke.kind != "held":
        return line
    dots = "".join(f"M{point}h0" for point in points)
    return f'{line}<path class="dots {stroke.hue}" d="{dots}"/>'
