"""The tables of what judges said, with what people say of the same answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zhiyin.artifacts import Review
from zhiyin.records.review import Agreement, Findings, People
from zhiyin.report.history import ALONE, Runs
from zhiyin.report.naming import labels


@dataclass(frozen=True)
class Pair:
    """Two sides that scored the same answers, and how far they agree."""

    one: str
    """A rater; empty for the judge."""
    other: str
    """A rater; empty for all of them together."""
    agreement: Agreement


@dataclass(frozen=True)
class Opinion:
    """One review, by the name it has on the page."""

    label: str
    folder: str
    findings: Findings
    pairs: tuple[Pair, ...]
    """The judge with all people, with each, and people among themselves; empty without ratings."""


def opinions(reviews: Iterable[Review], runs: Runs = ALONE) -> list[Opinion]:
    """Return what each review found, in the order given."""
    given = list(reviews)
    names = labels(given, runs)
    found: list[Opinion] = []
    for one in given:
        findings = one.findings
        found.append(Opinion(names[one.path.name], one.path.name, findings, tuple(_pairs(findings.people))))
    return found


def _pairs(people: People) -> Iterator[Pair]:
    if people.judge is None:
        return
    yield Pair("", "", people.judge)
    # With one rater, the judge and all people is the judge and this one.
    for rater, agreement in people.raters.items() if len(people.raters) > 1 else ():
        yield Pair("", rater, agreement)
    for names, agreement in people.among_themselves.items():
        one, _, other = names.partition(" / ")
        yield Pair(one, other, agreement)
