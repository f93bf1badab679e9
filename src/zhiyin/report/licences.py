"""The table of data and licences: what the records of a page were collected from, and what that allows."""

from collections.abc import Iterable
from dataclasses import dataclass

from zhiyin.ledger import collected
from zhiyin.records.licence import DataSet
from zhiyin.report.history import Node


@dataclass(frozen=True)
class Used:
    """A data set that a step of the lineage collected."""

    node: Node
    data_set: DataSet
    kept: int
    """Records that were made of its rows."""


def licences(nodes: Iterable[Node]) -> tuple[Used, ...]:
    """Return every data set that was collected, in the order of the lineage."""
    return tuple(
        Used(node, data_set, node.manifest.summary.get("records", 0))
        for node in nodes
        if (data_set := collected(node.artifact)) is not None
    )
