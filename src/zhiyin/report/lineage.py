"""The lineage graph as SVG: layers from left to right, a box for each step, each box a link to its section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from zhiyin.report.history import Node, depths

WIDTH, HEIGHT = 124.0, 38.0
"""A box, in SVG units (CSS pixels at full size)."""
COLUMN, ROW, LANE = 160.0, 50.0, 18.0
"""From one layer to the next; from one box to the next; the room a passing edge takes."""
MARGIN = 6.0


@dataclass(frozen=True)
class Place:
    """A box, or the point where a long edge passes a layer."""

    layer: int
    key: str
    """The folder of a box; `folder@layer` where edges from that box pass."""
    node: Node | None
    """None where edges pass."""

    @property
    def room(self) -> float:
        """The height it takes in its layer."""
        return ROW if self.node else LANE


def draw(nodes: Sequence[Node]) -> str:
    """Return the graph as an `<svg>` element. `nodes` come inputs first, as `history` returns them."""
    parents = _direct_parents(nodes)
    depth = _layered(nodes, parents)
    layers: list[list[Place]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node in nodes:
        layers[depth[node.folder]].append(Place(depth[node.folder], node.folder, node))
    links: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        for parent in parents[node.folder]:
            for link in _route(parent, node.folder, depth, layers):
                links.setdefault(link, []).append(node.folder)
    neighbours: dict[str, list[str]] = {place.key: [] for layer in layers for place in layer}
    for left, right in links:
        neighbours[left].append(right)
        neighbours[right].append(left)
    layers = _untangled(layers, neighbours, list(links))
    return _svg(layers, links, _heights(layers, neighbours))


def _direct_parents(nodes: Sequence[Node]) -> dict[str, list[str]]:
    """Return the parents of each node that no other parent comes from: edges a longer path implies are left out."""
    ancestors: dict[str, set[str]] = {}
    direct: dict[str, list[str]] = {}
    for node in nodes:
        implied = set().union(*(ancestors[parent] for parent in node.parents))
        ancestors[node.folder] = implied.union(node.parents)
        direct[node.folder] = [parent for parent in node.parents if parent not in implied]
    return direct


def _layered(nodes: Sequence[Node], parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Put each step after all it reads, and one that reads one thing or nothing just before its first reader."""
    depth = depths(nodes)
    for node in reversed(nodes):
        readers = [depth[other.folder] for other in nodes if node.folder in parents[other.folder]]
        if readers and len(parents[node.folder]) < 2:
            depth[node.folder] = min(readers) - 1
    return depth


def _route(start: str, end: str, depth: dict[str, int], layers: list[list[Place]]) -> list[tuple[str, str]]:
    """Return the links of an edge, with a place in each layer it passes; edges from one box share their places."""
    keys = [start]
    for layer in range(depth[start] + 1, depth[end]):
        place = Place(layer, f"{start}@{layer}", None)
        if place not in layers[layer]:
            layers[layer].append(place)
        keys.append(place.key)
    return list(zip(keys, [*keys[1:], end], strict=True))


def _untangled(
    layers: list[list[Place]], neighbours: Mapping[str, Sequence[str]], links: Sequence[tuple[str, str]]
) -> list[list[Place]]:
    """Order each layer by the mean place of its neighbours, sweeping there and back (Sugiyama et al., 1981).

    Returns the order with the fewest crossings that came up.
    """
    best, fewest = layers, _crossings(layers, links)
    layer_of = {place.key: place.layer for layer in layers for place in layer}
    for sweep in range(24):
        layers = [list(layer) for layer in layers]
        step = 1 if sweep % 2 == 0 else -1
        for index in range(len(layers))[::step]:
            rank = {place.key: number for layer in layers for number, place in enumerate(layer)}
            centre = {}
            for place in layers[index]:
                near = [rank[key] for key in neighbours[place.key] if layer_of[key] == index - step]
                centre[place.key] = sum(near) / len(near) if near else rank[place.key]
            layers[index].sort(key=lambda place, centre=centre: centre[place.key])  # type: ignore[misc]
        if (crossings := _crossings(layers, links)) < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: Sequence[Sequence[Place]], links: Sequence[tuple[str, str]]) -> int:
    """Count the pairs of links between the same two layers that cross."""
    rank = {place.key: (place.layer, number) for layer in layers for number, place in enumerate(layer)}
    ends = sorted((rank[left], rank[right][1]) for left, right in links)
    return sum(
        one[0][0] == other[0][0] and one[0][1] < other[0][1] and one[1] > other[1]
        for number, one in enumerate(ends)
        for other in ends[number + 1 :]
    )


def _heights(layers: list[list[Place]], neighbours: dict[str, list[str]]) -> dict[str, float]:
    """Return the middle of each place: near its neighbours, in the order of its layer, never overlapping."""
    middle: dict[str, float] = {}
    for layer in layers:
        middle.update(_stacked(layer, [0.0] * len(layer)))
    for sweep in range(24):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for place in layer:
                near = [middle[key] for key in neighbours[place.key]] or [middle[place.key]]
                wanted.append(sum(near) / len(near))
            middle.update(_stacked(layer, wanted))
    top = min((middle[place.key] - place.room / 2 for layer in layers for place in layer), default=0.0)
    return {key: value - top for key, value in middle.items()}


def _stacked(layer: Sequence[Place], wanted: Sequence[float]) -> dict[str, float]:
    """Push places apart where they would overlap, then shift the layer so that it is off by nothing on average."""
    placed: list[float] = []
    for number, place in enumerate(layer):
        least = placed[-1] + (layer[number - 1].room + place.room) / 2 if placed else wanted[number]
        placed.append(max(wanted[number], least))
    shift = sum(want - got for want, got in zip(wanted, placed, strict=True)) / max(1, len(placed))
    return {place.key: got + shift for place, got in zip(layer, placed, strict=True)}


def _svg(layers: list[list[Place]], links: Mapping[tuple[str, str], Sequence[str]], heights: dict[str, float]) -> str:
    places = [place for layer in layers for place in layer]
    where = {place.key: (MARGIN + place.layer * COLUMN, MARGIN + heights[place.key]) for place in places}
    passing = {place.key for place in places if place.node is None}
    width = 2 * MARGIN + (len(layers) - 1) * COLUMN + WIDTH
    height = 2 * MARGIN + max((heights[place.key] + place.room / 2 for place in places), default=0.0)
    edges = "".join(_edge(link, readers, where, through=link[1] in passing) for link, readers in links.items())
    boxes = "".join(_box(place.node, *where[place.key]) for place in places if place.node)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<svg class="lineage" {size}>{edges}{boxes}</svg>'


def _edge(
    link: tuple[str, str], readers: Sequence[str], where: Mapping[str, tuple[float, float]], *, through: bool
) -> str:
    """Draw a link, and on through the layer where it passes; it names whose output it carries, and who reads that."""
    line = _curve(where[link[0]], where[link[1]]) + (f"h{WIDTH:.0f}" if through else "")
    source, ends = link[0].partition("@")[0], " ".join(readers)
    return f'<path class="edge" data-from="{escape(source)}" data-to="{escape(ends)}" d="{line}"/>'


def _curve(left: tuple[float, float], right: tuple[float, float]) -> str:
    """Run from the right side of one place to the left side of the next, level at both ends."""
    (start, high), (end, low) = (left[0] + WIDTH, left[1]), right
    bend = (start + end) / 2
    return f"M{start:.1f} {high:.1f}C{bend:.1f} {high:.1f} {bend:.1f} {low:.1f} {end:.1f} {low:.1f}"


def _box(node: Node, x: float, y: float) -> str:
    middle, top = x + WIDTH / 2, y - HEIGHT / 2
    return (
        f'<a class="node room-{node.room}" href="#{escape(node.folder)}"><title>{escape(node.label)}: '
        f"{escape(node.manifest.module)}</title>"
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" rx="5"/>'
        f'<text class="name" x="{middle:.1f}" y="{y - 2:.1f}">{escape(shortened(node.label, 16))}</text>'
        f'<text class="verb" x="{middle:.1f}" y="{y + 12:.1f}">{escape(shortened(node.manifest.kind, 18))}</text></a>'
    )


def shortened(text: str, columns: int) -> str:
    """Cut a text to that many columns, of which a Chinese character takes two; an ellipsis shows the cut."""
    used = 0
    for number, character in enumerate(text):
        used += 2 if east_asian_width(character) in "WF" else 1
        if used > columns:
            return text[: max(0, number - 1)] + "…"
    return text
