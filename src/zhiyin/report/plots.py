"""Training curves: which measures share a chart, and a smooth line over a restless one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from zhiyin.artifacts import CurvePoint, curve
from zhiyin.report.chart import Stroke, chart
from zhiyin.report.history import ALONE, Node, Runs

Named = Callable[[str], str]
"""Says a word of the code in the reader's language."""

PANELS = (
    ("loss", ("loss",)),
    ("reward accuracy", ("rewards/accuracies",)),
    ("rewards", ("rewards/margins", "rewards/chosen", "rewards/rejected")),
    ("log-probabilities", ("logps/chosen", "logps/rejected")),
    ("learning rate", ("learning_rate",)),
    ("gradient norm", ("grad_norm",)),
)
"""Which measures share a chart; every other measure gets its own."""
HUES = ("one", "two", "three")
"""CSS classes of the lines."""
SMOOTHED_FROM = 24
"""Points from which a smooth line is laid over the raw one."""
MOST_POINTS = 400
"""Points drawn of a line, at most; the page stays small however long the training was."""


@dataclass(frozen=True)
class Line:
    """One measure of one split over the optimiser steps."""

    measure: str
    split: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    hue: str
    """Its colour: that of the run or measure where several share the chart, otherwise that of the split."""
    folder: str = ""
    """The step that recorded it, where lines of several runs share the chart."""

    @property
    def held_out(self) -> bool:
        """Whether it was measured beside the training, and is drawn dashed."""
        return self.split != "train"


@dataclass(frozen=True)
class Panel:
    """One small chart, with the lines whose first and last values stand below it."""

    title: str
    lines: tuple[Line, ...]
    svg: str


@dataclass(frozen=True)
class Training:
    """The curves of one trained model, or of the models of one label in several runs."""

    nodes: tuple[Node, ...]
    panels: tuple[Panel, ...]


def trainings(nodes: Iterable[Node], named: Named, runs: Runs = ALONE) -> tuple[Training, ...]:
    """Return the curves of every step of the lineage that recorded some; steps of one label share charts over runs.

    They do while there are colours for them; more than that stand side by side.
    """
    curves = {node.folder: (node, points) for node in nodes if (points := curve(node.artifact))}
    alike: dict[str, list[Node]] = {}
    for node, _ in curves.values():
        alike.setdefault(node.manifest.label if len(runs.names) > 1 else node.folder, []).append(node)
    found: list[Training] = []
    for same in alike.values():
        if 1 < len(same) <= len(HUES):
            found.append(
                Training(tuple(same), tuple(overlaid({one.folder: curves[one.folder][1] for one in same}, named)))
            )
        else:
            found.extend(Training((one,), tuple(panels(curves[one.folder][1], named))) for one in same)
    return tuple(found)


def overlaid(curves: Mapping[str, Sequence[CurvePoint]], named: Named) -> Iterator[Panel]:
    """Yield a chart for each measure, with the lines of every step, by folder, in a colour of its own."""
    recorded = {folder: _recorded(points) for folder, points in curves.items()}
    titles = {measures[0]: title for title, measures in PANELS if len(measures) == 1}
    known = [measure for _, measures in PANELS for measure in measures]
    there = dict.fromkeys(measure for found in recorded.values() for measure, _ in found)
    for measure in (*(one for one in known if one in there), *(one for one in there if one not in known)):
        lines = tuple(
            replace(line, hue=hue, folder=folder)
            for (folder, found), hue in zip(recorded.items(), HUES, strict=False)
            for line in _lines([measure], found)
        )
        yield _panel(titles.get(measure, measure), lines, named)


def panels(points: Sequence[CurvePoint], named: Named) -> Iterator[Panel]:
    """Yield a chart for each group of measures that was recorded."""
    found = _recorded(points)
    known = {measure for _, measures in PANELS for measure in measures}
    others = tuple(
        (measure, (measure,)) for measure in dict.fromkeys(name for name, _ in found) if measure not in known
    )
    for title, measures in (*PANELS, *others):
        lines = tuple(_lines(measures, found))
        if lines:
            alone = lines[0].measure if len({line.measure for line in lines}) == 1 else title
            name = title if measures[1:] == () else alone
            yield _panel(name, lines, named)


def smooth(values: Sequence[float]) -> list[float]:
    """Return around each point the mean of a twentieth of the line, or of the part of it that is there."""
    reach, sums = max(1, len(values) // 40), [0.0, *accumulate(values)]
    windows = ((max(0, place - reach), min(len(values), place + reach + 1)) for place in range(len(values)))
    return [(sums[end] - sums[start]) / (end - start) for start, end in windows]


def _recorded(points: Sequence[CurvePoint]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Return step and value of each measure and split, in the order of their first appearance."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for point in points:
        for measure, value in point.values.items():
            found.setdefault((measure, point.split), []).append((point.step, value))
    return found


def _panel(title: str, lines: tuple[Line, ...], named: Named) -> Panel:
    strokes = [stroke for line in lines for stroke in _strokes(line)]
    return Panel(title, lines, chart(strokes, named(title), named("optimiser step")))


def _lines(measures: Sequence[str], found: dict[tuple[str, str], list[tuple[int, float]]]) -> Iterator[Line]:
    """Yield the lines of a chart: a measure after the other, its training before what was held out."""
    recorded = [measure for measure in measures if any(name == measure for name, _ in found)]
    for place, measure in enumerate(recorded):
        for number, split in enumerate(sorted({split for name, split in found if name == measure}, reverse=True)):
            steps, values = zip(*found[measure, split], strict=True)
            hue = HUES[(place if len(recorded) > 1 else number) % len(HUES)]
            yield Line(measure, split, steps, values, hue)


def _strokes(line: Line) -> Iterator[Stroke]:
    """Yield a training line faint, with a smooth one over it; a held-out line dashed."""
    every = -(-len(line.steps) // MOST_POINTS)
    steps, values = line.steps[::every], line.values[::every]
    if line.held_out:
        yield Stroke(steps, values, line.hue, "held")
    elif len(line.values) < SMOOTHED_FROM or line.measure == "learning_rate":
        yield Stroke(steps, values, line.hue, "firm")
    else:
        yield Stroke(steps, values, line.hue, "faint")
        yield Stroke(steps, smooth(line.values)[::every], line.hue, "firm")
