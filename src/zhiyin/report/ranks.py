"""The ranks that AdaLoRA left, as a small SVG map: a row for each kind of matrix, a column for each layer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from zhiyin.report.history import Node

WIDTH, LEFT, RIGHT, TOP, ROW, BELOW = 360.0, 72.0, 8.0, 6.0, 20.0, 34.0
"""Of the map, in SVG units: its width, the room around the cells, and the height of a row."""
MOST_TICKS = 10
"""Numbers of layers written under the cells, at most."""


@dataclass(frozen=True)
class RankMap:
    """The ranks of one adapter."""

    ranks: Mapping[str, int]
    """Name of the matrix to its rank."""

    @property
    def mean(self) -> float:
        """Average rank."""
        return sum(self.ranks.values()) / len(self.ranks)

    def draw(self, title: str, below: str) -> str:
        """Return the map as an `<svg>` element: the higher the rank, the stronger the colour; `below` names layers."""
        cells = [(_layer(name), _kind(name), rank) for name, rank in self.ranks.items()]
        layers, kinds = sorted({layer for layer, _, _ in cells}), list(dict.fromkeys(kind for _, kind, _ in cells))
        wide, highest = (WIDTH - LEFT - RIGHT) / len(layers), max(self.ranks.values()) or 1
        bottom = TOP + ROW * len(kinds)
        parts = [
            f'<rect class="cell" x="{LEFT + wide * layers.index(layer):.1f}" y="{TOP + ROW * kinds.index(kind):g}" '
            f'width="{wide:.1f}" height="{ROW:g}" fill-opacity="{rank / highest:.2f}">'
            f"<title>{escape(kind)} {layer}: {rank}</title></rect>"
            for layer, kind, rank in cells
        ]
        parts += [
            f'<text text-anchor="end" x="{LEFT - 6:g}" y="{TOP + ROW * (row + 0.7):g}">{escape(kind)}</text>'
            for row, kind in enumerate(kinds)
        ]
        parts += [
            f'<text text-anchor="middle" x="{LEFT + wide * (column + 0.5):.1f}" y="{bottom + 15:g}">{layer}</text>'
            for column, layer in enumerate(layers)
            if column % (1 + (len(layers) - 1) // MOST_TICKS) == 0
        ]
        middle, height = (LEFT + WIDTH - RIGHT) / 2, bottom + BELOW
        parts.append(f'<text text-anchor="middle" x="{middle:g}" y="{height - 3:g}">{escape(below)}</text>')
        opened = f'<svg class="plot" role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH:g} {height:g}">'
        return f"{opened}{''.join(parts)}</svg>"


def rank_map(node: Node) -> RankMap | None:
    """Return the ranks that a step's manifest holds; None for one that is no AdaLoRA training."""
    ranks = node.manifest.summary.get("ranks")
    return RankMap(ranks) if isinstance(ranks, dict) and ranks else None


def _layer(name: str) -> int:
    """Return the number of the layer in the name of a matrix, 0 where there is none."""
    found = re.search(r"\.(\d+)\.", name)
    return int(found[1]) if found else 0


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
