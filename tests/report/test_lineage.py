"""The lineage: every ancestor once, inputs first, drawn without overlap."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from zhiyin.execution.artifact import Artifact, Manifest
from zhiyin.report.history import Node, history
from zhiyin.report.lineage import HEIGHT, WIDTH, draw, shortened


def node(name: str, *parents: str) -> Node:
    manifest = Manifest(
        label=name,
        kind="train",
        module="zhiyin.training.train",
        version=1,
        fingerprint=name,
        config={},
        inputs={parent: parent for parent in parents},
        files={},
        summary={},
        provenance={},
    )
    return Node(Artifact(Path(name)), manifest, name, parents)


def boxes(svg: str) -> dict[str, tuple[float, float]]:
    root = ElementTree.fromstring(svg)
    found = {}
    for link in root.findall("a"):
        rect = link.find("rect")
        assert rect is not None
        found[link.attrib["href"][1:]] = (float(rect.attrib["x"]), float(rect.attrib["y"]))
    return found


def curves(svg: str) -> set[tuple[float, float, float, float]]:
    """Return start and end of every curved link."""
    number = r"(-?[\d.]+)"
    found = re.findall(rf"M{number} {number}C{number} {number} {number} {number} {number} {number}", svg)
    return {(float(one[0]), float(one[1]), float(one[6]), float(one[7])) for one in found}


def test_history_puts_inputs_first_and_every_step_once(made: dict[str, Any]) -> None:
    nodes = history([made["start_to_sft"], made["sft_answers"], made["start_to_sft"]])
    places = {one.folder: number for number, one in enumerate(nodes)}
    assert len(places) == len(nodes)
    assert all(places[parent] < places[one.folder] for one in nodes for parent in one.parents)
    assert {one.label for one in nodes} >= {"prose", "blank", "start", "raw", "sft", "exam_letter", "start_exam_text"}
    assert "control" not in {one.label for one in nodes}


def test_boxes_never_overlap_and_edges_run_to_the_right(made: dict[str, Any]) -> None:
    nodes = history(one for label, one in made.items() if label != "page")
    svg = draw(nodes)
    where = boxes(svg)
    assert len(where) == len(nodes) == 31
    places = list(where.values())
    for number, (x, y) in enumerate(places):
        for left, top in places[number + 1 :]:
            assert abs(x - left) >= WIDTH or abs(y - top) >= HEIGHT
    for one in nodes:
        assert all(where[parent][0] < where[one.folder][0] for parent in one.parents)
    assert all(start < end for start, _, end, _ in curves(svg))


def test_an_edge_that_a_longer_path_implies_is_left_out() -> None:
    svg = draw([node("a"), node("b", "a"), node("c", "b", "a")])
    where = boxes(svg)
    ends = {(x + WIDTH, y + HEIGHT / 2, x + 160, y + HEIGHT / 2) for x, y in (where["a"], where["b"])}
    assert curves(svg) == ends


def test_an_edge_passes_a_layer_beside_its_boxes() -> None:
    """`far` reads `a` across the layers of `b` and `c`; no level part of it may run through a box."""
    nodes = [node("a"), node("z"), node("b", "a", "z"), node("c", "b"), node("d", "z"), node("far", "c", "d", "a")]
    svg = draw([*nodes, node("also", "a", "far")])
    where = boxes(svg)
    for x, y in re.findall(r"M([\d.]+) ([\d.]+)h", svg):
        for left, top in where.values():
            assert not (abs(float(x) - left) < WIDTH and top < float(y) < top + HEIGHT)


def test_crossings_are_avoided_where_they_can_be() -> None:
    svg = draw([node("a"), node("b"), node("x", "b"), node("y", "a"), node("x2", "x"), node("y2", "y")])
    links = [one for one in curves(svg)]
    crossing = [
        (one, other)
        for one in links
        for other in links
        if one[0] == other[0] and one[1] < other[1] and one[3] > other[3]
    ]
    assert crossing == []


def test_labels_are_cut_by_width_and_escaped() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"
    assert shortened("偏好优化", 6) == "偏好…"
    assert "&lt;b&gt;" in draw([node("<b>")])


def test_one_step_alone_is_a_graph() -> None:
    assert len(boxes(draw([node("a")]))) == 1
