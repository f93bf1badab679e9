"""A recipe file in memory: plain values, the line of each, and what was found wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str | int, ...]
"""Where a value stands: `("training", "sft", "learning_rate")`; list items by index from 0."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with a recipe."""

    file: str
    line: int
    """From 1; 0 when the whole file is meant, or the command line."""
    path: str
    """`training.sft.learning_rate`, or empty for the whole file."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


def _word(key: str | int) -> str:
    """Write one key of a path; one that would not be seen, or break the line, as Python writes it."""
    return str(key) if str(key).isprintable() and str(key) else repr(key)


class RecipeError(ValueError):
    """Everything wrong with one recipe, a line for each: `file:line: path: what; what to do`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """The values of a recipe file, and where each came from."""

    file: str
    data: dict[str, Any]
    lines: Mapping[Place, int]
    overridden: Mapping[Place, str] = field(default_factory=dict)
    """Places set on the command line, with the words that set them."""
    problems: list[Problem] = field(default_factory=list)
    """What was found wrong so far; all of it is reported together, by `settle`."""
    spoilt: set[Place] = field(default_factory=set)
    """Places whose value could not be worked out: a second complaint about one would mislead."""

    def complain(self, place: Place, message: str, line: int | None = None) -> None:
        """Note what is wrong at a place, under the nearest line known for it."""
        if any(place[: len(bad)] == bad for bad in self.spoilt):
            return
        path = ".".join(_word(key) for key in place)
        for end in range(len(place), -1, -1):
            if words := self.overridden.get(place[:end]):
                self.problems.append(Problem(f"command line, {words}", 0, path, message))
                return
            if line is not None or place[:end] in self.lines:
                self.problems.append(Problem(self.file, line or self.lines[place[:end]], path, message))
                return
        self.problems.append(Problem(self.file, 0, path, message))

    def spoil(self, place: Place, message: str) -> None:
        """Complain of a place, and let no later complaint about it through."""
        self.complain(place, message)
        self.spoilt.add(place)

    def settle(self) -> None:
        """Raise `RecipeError` if anything was wrong."""
        if self.problems:
            raise RecipeError(self.problems)
