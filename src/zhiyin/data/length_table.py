"""Lengths in tokens, gathered by source and kind."""

from array import array
from dataclasses import dataclass, field

from zhiyin.records.inspection import Lengths


@dataclass
class Group:
    """The records of one source and kind, as numbers."""

    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    """Tokens of each record."""
    supervised: int = 0
    characters: int = 0
    content: int = 0
    """Tokens of the texts alone, without what the template adds."""

    def row(self, template: str, label: str, key: tuple[str, str], limit: int) -> Lengths:
        """Return the line of the table; `key` is source and kind."""
        ordered, count = sorted(self.lengths), len(self.lengths)
        total = sum(ordered)
        return Lengths(
            template=template,
            set=label,
            source=key[0],
            kind=key[1],
            records=count,
            mean=total / count,
            median=ordered[(count - 1) // 2],
            most_of=ordered[(95 * count + 99) // 100 - 1],
            longest=ordered[-1],
            over=sum(length > limit for length in ordered),
            supervised=self.supervised / total if total else 0.0,
            characters_per_token=self.characters / self.content if self.content else 0.0,
        )
