"""Records, rejections, costs and settings, as tables."""

from typing import Any

import pytest

from zhiyin.report.formats import clipped, duration, memory, moment, significant, size, typeset
from zhiyin.report.history import Node, history
from zhiyin.report.tables import Count, as_yaml, costs, record_sets, surroundings


@pytest.fixture(scope="module")
def nodes(made: dict[str, Any]) -> tuple[Node, ...]:
    return history([made["start"], made["raw"]])


def test_sets_of_records_are_counted_by_source_and_kind(nodes: tuple[Node, ...]) -> None:
    prose, raw = record_sets(nodes, examples=1)
    assert (prose.node.label, prose.kept, prose.refused) == ("prose", 40, 0)
    assert prose.sources == (Count("generated_zh", 40),)
    assert raw.sources == (Count("alpaca_zh", 30), Count("poetry", 10))
    assert [(one.reason, one.records, [row.where for row in one.examples]) for one in raw.refusals] == [
        ("empty answer", 5, ["alpaca.json:9"]),
        ("not a <record>", 1, ["alpaca.json:77"]),
    ]


def test_costs_are_shares_of_the_whole(nodes: tuple[Node, ...]) -> None:
    dear = [
        _with(node, seconds=float(number), cpu_seconds=2.0, peak_memory_bytes=number)
        for number, node in enumerate(nodes)
    ]
    found = costs(dear)
    assert (found.seconds, found.cpu_seconds, found.peak_memory_bytes) == (6.0, 8.0, 3)
    assert [step.share for step in found.steps] == [0.0, 1 / 6, 2 / 6, 3 / 6]


def test_each_machine_is_named_with_what_ran_there(nodes: tuple[Node, ...]) -> None:
    assert [place.nodes for place in surroundings(nodes)] == [tuple(nodes)]
    moved = [*nodes[:-1], _with(nodes[-1], machine="elsewhere", dirty=True, commit="abc")]
    here, there = surroundings(moved)
    assert (here.nodes, there.nodes) == (tuple(nodes[:-1]), (moved[-1],))
    assert dict(there.facts)["machine"] == "elsewhere"
    assert dict(there.facts)["commit"] == "abc (changed files)"


def _with(node: Node, **facts: Any) -> Node:
    manifest = node.manifest.model_copy(update={"provenance": {**node.manifest.provenance, **facts}})
    return Node(node.artifact, manifest, node.label, node.parents)


def test_a_config_reads_like_a_recipe() -> None:
    config = {
        "learning_rate": 2e-5,
        "文": "字",
        "file": {"path": "a.json", "sha256": "0123456789abcdef"},
        "many": [{"x": None}],
    }
    assert as_yaml(config) == "learning_rate: 2e-05\n文: 字\nfile: a.json (0123456789ab)\nmany:\n- x:"


def test_numbers_carry_units() -> None:
    assert [duration(one) for one in (0.42, 41.2, 59.9, 200, 7500)] == [
        "0.42 s",
        "41 s",
        "60 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
    assert [memory(one) for one in (3 * 2**20, 3 * 2**29)] == ["3 MiB", "1.50 GiB"]
    assert moment("2026-11-21T03:52:50+08:00") == "2026-11-20 19:52 UTC"
    assert clipped("长" * 12, 10) == "长" * 10 + " … (+2)"


def test_numbers_are_set_with_a_real_minus_and_powers_of_ten() -> None:
    assert significant(-0.030783) == "−0.03078"
    assert significant(1.0714e-8) == "1.071 × 10⁻⁸"
    assert significant(3_141_592.0) == "3.142 × 10⁶"
    assert typeset("-3.1 %") == "−3.1\u202f%"


def test_sizes_have_the_unit_that_suits_them() -> None:
    assert [size(count) for count in (12, 2048, 3 * 2**20, 2**31)] == ["12 B", "2.0 KiB", "3.0 MiB", "2.0 GiB"]
