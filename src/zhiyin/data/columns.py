"""The columns of a file under the names that a source reads, and each file's first row checked against them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zhiyin.data.rows import Row
from zhiyin.execution.catalog import nearest
from zhiyin.records.jsonl import Rejected

_ALIKE = (
    ("instruction", "prompt", "question", "query", "input", "problem"),
    ("output", "response", "answer", "completion", "target", "reply"),
    ("conversations", "messages", "conversation", "dialogue", "turns"),
    ("chosen", "accepted", "preferred", "chosen_response"),
    ("rejected", "dispreferred", "rejected_response"),
    ("text", "content", "body", "document"),
)
"""Names that data sets give to the same thing, to guess which column was meant."""


def named(
    found: Iterable[Row | Rejected], expects: tuple[str, ...], columns: Mapping[str, str]
) -> Iterator[Row | Rejected]:
    """Yield the rows of one file under the source's own names; `columns` maps each of them to the file's.

    Raises `ValueError` when the first row lacks an expected column, and at the end when no row has a column that
    `columns` names.
    """
    found = iter(found)
    first: Row | None = None
    absent = set(columns.values())
    for row in found:
        if isinstance(row, Rejected):
            yield row
            continue
        if first is None:
            first = row
            check(row, expects, columns)
        if not columns:
            yield row
            yield from found
            return
        if absent:
            absent.difference_update(row.value)
        yield Row(row.where, renamed(row.value, columns))
    if first is not None and absent:
        raise ValueError(
            f"{first.where.rpartition(':')[0]}: no row has the column {_listed(sorted(absent))} that `columns` names; "
            f"the first has {_listed(first.value)}"
        )


def renamed(value: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the row with the columns of the file under the source's names, the others as they are."""
    theirs = set(columns.values())
    kept = {name: inner for name, inner in value.items() if name not in theirs and name not in columns}
    return {**kept, **{ours: value[name] for ours, name in columns.items() if name in value}}


def check(row: Row, expects: tuple[str, ...], columns: Mapping[str, str]) -> None:
    """Raise `ValueError` when a row lacks an expected column: what there is, and the line to write in the recipe."""
    there = tuple(row.value)
    missing = [
        wanted for wanted in expects if not any(columns.get(name, name) in row.value for name in wanted.split("|"))
    ]
    if not missing:
        return
    names = [wanted.split("|")[0] for wanted in missing]
    free = tuple(name for name in there if name not in {*expects, *columns.values()})
    guesses = {name: _guess(columns.get(name, name), name, free) for name in names}
    line = ", ".join(f"{ours}: {guess or '...'}" for ours, guess in {**columns, **guesses}.items())
    wanted = ", ".join(_either(one, columns) for one in missing)
    raise ValueError(
        f"{row.where}: the first row has no column {wanted}{_near(names, columns, there)}; it has {_listed(there)}. "
        f"If others are meant, say so in the recipe, `columns: {{{line}}}`; if not, is this the right file?"
    )


def allowed(columns: Mapping[str, str], expects: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Raise `ValueError` when `columns` names something that the source does not read, or one column twice."""
    known = tuple(name for wanted in expects for name in wanted.split("|")) + optional
    for ours in columns:
        if ours not in known:
            there = f"the source reads {_listed(known)}" if known else "the source's files have a form of their own"
            raise ValueError(f"`columns` gives a name for {ours!r}{nearest(ours, known)}; {there}")
    if len(set(columns.values())) < len(columns):
        raise ValueError("`columns` names a column of the file twice")


def _either(wanted: str, columns: Mapping[str, str]) -> str:
    return " or ".join(
        f"{columns[name]!r} (`columns` gives it for {name!r})" if name in columns else repr(name)
        for name in wanted.split("|")
    )


def _near(names: list[str], columns: Mapping[str, str], there: tuple[str, ...]) -> str:
    return next((near for name in names if (near := nearest(columns.get(name, name), there))), "")


def _guess(written: str, name: str, there: tuple[str, ...]) -> str:
    """Return the column that is most likely meant, or nothing."""
    if near := nearest(written, there):
        return near.split("'")[1]
    group = next((group for group in _ALIKE if name in group), ())
    return next((other for other in group if other in there), "")


def _listed(names: Iterable[str]) -> str:
    found = [name or "''" for name in names]
    more = f" and {len(found) - 12} more" if len(found) > 12 else ""
    return f"{', '.join(found[:12]) or 'none'}{more}"
