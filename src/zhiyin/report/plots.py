"""Training curves as small inline SVG plots whose colours and fonts are the page's own."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zhiyin.artifacts import CurvePoint, curve
from zhiyin.report.history import Node

INKS = {"#010203": "ink", "#010204": "faint", "#010205": "one", "#010206": "two", "#010207": "three"}
"""Colours Matplotlib is told to use, and the CSS variable of the page each becomes."""
INK, FAINT, *LINES = INKS

PANELS = (
    ("loss", ("loss",)),
    ("reward accuracy", ("rewards/accuracies",)),
    ("rewards", ("rewards/margins", "rewards/chosen", "rewards/rejected")),
    ("log-probabilities", ("logps/chosen", "logps/rejected")),
    ("learning rate", ("learning_rate",)),
    ("gradient norm", ("grad_norm",)),
)
"""Which measures share a plot; every other measure gets its own."""
SMOOTHED_FROM = 24
"""Points from which a smooth line is laid over the raw one."""
MOST_POINTS = 600
"""Points drawn of a line, at most; the page stays small however long the training was."""
STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 10.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "legend.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
}


@dataclass(frozen=True)
class Line:
    """One measure of one split over the optimiser steps."""

    measure: str
    split: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """One small plot, with the numbers it starts and ends with."""

    title: str
    lines: tuple[Line, ...]
    svg: str


@dataclass(frozen=True)
class Training:
    """The curves of one trained model."""

    node: Node
    panels: tuple[Panel, ...]


def trainings(nodes: Iterable[Node]) -> tuple[Training, ...]:
    """Return the curves of every step of the lineage that recorded some."""
    found = (Training(node, tuple(panels(curve(node.artifact), f"curve-{node.folder}"))) for node in nodes)
    return tuple(training for training in found if training.panels)


def panels(points: Sequence[CurvePoint], figure: str) -> Iterator[Panel]:
    """Yield a plot for each group of measures that was recorded. `figure` makes the ids of its SVG unique."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for point in points:
        for measure, value in point.values.items():
            found.setdefault((measure, point.split), []).append((point.step, value))
    known = {measure for _, measures in PANELS for measure in measures}
    others = tuple(
        (measure, (measure,)) for measure in dict.fromkeys(name for name, _ in found) if measure not in known
    )
    for number, (title, measures) in enumerate((*PANELS, *others)):
        lines = tuple(
            Line(measure, split, *(tuple(column) for column in zip(*found[measure, split], strict=True)))
            for measure in measures
            for split in sorted({split for name, split in found if name == measure}, reverse=True)
        )
        if lines:
            alone = lines[0].measure if len({line.measure for line in lines}) == 1 else title
            name = title if measures[1:] == () else alone
            yield Panel(name, lines, _plot(lines, f"{figure}-{number}"))


def smooth(values: Sequence[float]) -> list[float]:
    """Return around each point the mean of a twentieth of the line, or of the part of it that is there."""
    reach, sums = max(1, len(values) // 40), [0.0, *accumulate(values)]
    windows = ((max(0, place - reach), min(len(values), place + reach + 1)) for place in range(len(values)))
    return [(sums[end] - sums[start]) / (end - start) for start, end in windows]


def _plot(lines: Sequence[Line], figure: str) -> str:
    with mpl.rc_context({**STYLE, "svg.hashsalt": figure}), warnings.catch_warnings():
        # The reader's fonts draw the text; that Matplotlib's own lack Chinese is of no matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas = Figure(figsize=(4.4, 2.5), layout="constrained")
        axes = canvas.add_subplot()
        measures = list(dict.fromkeys(line.measure for line in lines))
        for number, line in enumerate(lines):
            hue = measures.index(line.measure) if len(measures) > 1 else number
            _draw(axes, line, LINES[hue % len(LINES)], several=len(measures) > 1)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.ticklabel_format(axis="y", scilimits=(-3, 4), useOffset=False)
        axes.grid(axis="y", color=FAINT, linewidth=0.5, alpha=0.5)
        if len(lines) > 1:
            axes.legend(loc="best")
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return inline(buffer.getvalue().decode("utf-8"), figure)


def _draw(axes: Axes, line: Line, colour: str, *, several: bool) -> None:
    """Draw a training line thin, with a smooth one over it; a held-out line dashed, with its points."""
    words = f"{line.split} {line.measure.rpartition('/')[2]}" if several else line.split
    name = words.replace("_", " ")
    every = -(-len(line.steps) // MOST_POINTS)
    steps, values = line.steps[::every], line.values[::every]
    if line.split != "train":
        marker = "o" if len(steps) <= 40 else ""
        axes.plot(steps, values, color=colour, linewidth=1.3, linestyle="--", marker=marker, markersize=3, label=name)
    elif len(line.values) < SMOOTHED_FROM or line.measure == "learning_rate":
        axes.plot(steps, values, color=colour, linewidth=1.5, label=name)
    else:
        axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.3)
        axes.plot(steps, smooth(line.values)[::every], color=colour, linewidth=1.6, label=name)


def inline(svg: str, figure: str) -> str:
    """Make a Matplotlib SVG part of a page: its own ids, the page's colours and fonts, no foreign address."""
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        # A <style> inside an inline SVG would rule the whole page; the page's own has these rules.
        for child in [one for one in parent if one.tag.rpartition("}")[2] in ("metadata", "style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in list(element.attrib):
            value = element.attrib.pop(name)
            element.set(name.rpartition("}")[2], _owned(name.rpartition("}")[2], value, figure))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "plot")
    root.set("role", "img")
    return ElementTree.tostring(root, encoding="unicode")


def _owned(name: str, value: str, figure: str) -> str:
    """Return an attribute with the figure's name before each id, and CSS variables for the colours."""
    if name == "id":
        return f"{figure}-{value}"
    if name == "href":
        return value.replace("#", f"#{figure}-", 1)
    value = value.replace("url(#", f"url(#{figure}-")
    value = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", value)
    value = re.sub(r"font-family: [^;]*;? ?", "", value)
    for colour, variable in INKS.items():
        value = value.replace(colour, f"var(--{variable})")
    return value
