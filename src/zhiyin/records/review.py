"""What a judge said of several systems: the points of each task, what people say of it, and what the judge favours."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

Standing = Literal["", "best", "own_best"]
"""The best of a row, or the best of our own systems below it."""


class Points(Struct, frozen=True, forbid_unknown_fields=True):
    """What one system got in one task, or in all of them together."""

    points: float
    """100 for a task in which every answer is perfect; what could not be read counts as 0."""
    unread: int
    """Judgements that could not be read."""
    standing: Standing


class TaskRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One task, a cell for each system in the order of the table."""

    task: str
    cells: tuple[Points, ...]


class Agreement(Struct, frozen=True, forbid_unknown_fields=True):
    """How far two sides that scored the same answers agree; None where a number is undefined."""

    answers: int
    """Scored by both."""
    one_side_only: int
    kappa: float | None
    """Cohen's with quadratic weights, over whole scores."""
    spearman: float | None
    mean_difference: float | None
    mean_absolute_difference: float | None
    orders: int
    """Pairs of answers to one question."""
    same_order: float | None
    """Share of them that both sides put in the same order."""
    order_kappa: float | None
    """Cohen's, over "first better, draw, second better"."""


class PlaceBias(Struct, frozen=True, forbid_unknown_fields=True):
    """By how many points of 10 an answer at one place stands above what is expected of it, with a 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


class Correlation(Struct, frozen=True, forbid_unknown_fields=True):
    """A rank correlation and its two-sided p; None where there is none to speak of."""

    rho: float | None
    p: float | None


class LengthBias(Struct, frozen=True, forbid_unknown_fields=True):
    """How scores go with the length of an answer."""

    with_merit: Correlation
    """May be right: longer answers may be better."""
    against_people: Correlation
    """Of how far the judge stands above people: a bias."""


class Consistency(Struct, frozen=True, forbid_unknown_fields=True):
    """What games of two in both orders say of the judge."""

    pairs_of_games: int
    same_winner: float | None
    """Share of them that one system won both, or none did."""
    first_place_wins: float | None
    """Share of games that the first place won, a draw for half; one half without a bias."""


class Judged(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of the judge alone."""

    judgements: int
    unread: int
    places: dict[str, PlaceBias]
    """By place, from 1."""
    lengths: LengthBias
    orders: Consistency


class People(Struct, frozen=True, forbid_unknown_fields=True):
    """What people say of the same answers."""

    ratings: int
    blank: int
    """Rows of their sheets without a score."""
    judge: Agreement | None
    """The judge with the mean of all raters; None without ratings."""
    raters: dict[str, Agreement]
    """The judge with each rater."""
    among_themselves: dict[str, Agreement]
    """Each two raters."""


class Findings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole review: the summary of a `Review`."""

    systems: tuple[str, ...]
    rows: tuple[TaskRow, ...]
    sums: tuple[Points, ...]
    """Of all tasks, by system."""
    judged: Judged
    people: People

    def plain(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
