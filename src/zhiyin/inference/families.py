"""Which rows of token ids begin alike, so that their beginning need be computed only once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[int, ...]


@dataclass(frozen=True)
class Family:
    """Rows with a beginning in common."""

    prefix: int
    """Tokens of the beginning that is computed once; 0 where each row is computed as a whole."""
    members: list[int]
    """Indices of the rows, at least one."""


@dataclass
class _Node:
    """Sorted rows `start` to `end` (not included), which have `depth` tokens in common."""

    depth: int
    start: int
    end: int
    most: int
    """Tokens that may be shared: every row keeps one of its own."""
    saved: int = 0
    """Tokens saved by `cuts`, less what each of them costs."""
    cuts: list[tuple[int, int, int]] = field(default_factory=list)
    """Start, end and prefix of the families that save most."""

    def absorb(self, child: "_Node") -> None:
        """Take in the next rows, which go one level deeper."""
        self.end = child.end
        self.most = min(self.most, child.most)
        self.saved += child.saved
        self.cuts += child.cuts

    def close(self, cost: int) -> None:
        """Share what all rows have in common, if that saves more than their parts do by themselves."""
        prefix = min(self.depth, self.most)
        saved = (self.end - self.start - 1) * prefix - cost
        if saved > self.saved:
            self.saved, self.cuts = saved, [(self.start, self.end, prefix)]


def families(rows: Sequence[Row], *, cost: int) -> list[Family]:
    """Cut rows into families so that few tokens are computed, a family counting as `cost` tokens more.

    The prefix of a family is shorter than each of its rows. The rows in alphabetical order are the leaves of a trie,
    and each inner node shares its depth or leaves it to its children, whichever saves more. Rows that share nothing
    come last, as one family.
    """
    order = sorted(range(len(rows)), key=lambda index: rows[index])
    root = _Node(0, 0, 0, 0)
    open_ones = [root]
    for place, index in enumerate(order):
        node = _Node(len(rows[index]), place, place + 1, len(rows[index]) - 1)
        depth = common(rows[index], rows[order[place + 1]]) if place + 1 < len(order) else 0
        while open_ones[-1].depth > depth:
            parent = open_ones.pop()
            parent.absorb(node)
            parent.close(cost)
            node = parent
        if open_ones[-1].depth < depth:
            open_ones.append(_Node(depth, node.start, node.end, node.most))
        open_ones[-1].absorb(node)
    found = [Family(prefix, order[start:end]) for start, end, prefix in root.cuts]
    shared = {index for family in found for index in family.members}
    alone = [index for index in range(len(rows)) if index not in shared]
    return [*found, Family(0, alone)] if alone else found


def common(a: Row, b: Row) -> int:
    """Return how many tokens two rows have in common at their beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:  # halving and comparing slices is faster than going token by token
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
