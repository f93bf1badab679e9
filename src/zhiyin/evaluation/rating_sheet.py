"""Scores by people, in a table that any spreadsheet opens: written blind, read back with every row accounted for."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from zhiyin.evaluation.judge_reply import MOST
from zhiyin.evaluation.judging import item, listed
from zhiyin.records.prompt import Prompt

COLUMNS = ("item", "task", "place", "question", "answer", "score")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


class Rating(NamedTuple):
    """What one person gave one answer."""

    rater: str
    item: str
    system: str
    score: float


def write_sheet(file: Path, prompts: Iterable[Prompt]) -> int:
    """Write a row for each answer, in the order the judge saw, without the systems' names; returns how many.

    A question that is judged several times stands there once. An answer that a spreadsheet would take for a formula
    is written behind an apostrophe. UTF-8 with a byte order mark, which spreadsheets want.
    """
    rows = 0
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for prompt in prompts:
            if prompt.id != item(prompt):
                continue
            for place, answer in enumerate(listed(prompt, "answers"), start=1):
                row = (item(prompt), prompt.group, place, prompt.meta["question"], answer, "")
                writer.writerow([f"'{cell}" if str(cell).startswith(FORMULA) else cell for cell in row])
                rows += 1
    return rows


def read_sheet(file: Path, prompts: Iterable[Prompt]) -> tuple[list[Rating], int]:
    """Return the ratings of a filled sheet, and the number of rows without a score.

    The rater is the column `rater` if there is one, otherwise the file's name. A column `system` may stand instead of
    `place`. Raises `ValueError` with file and row for anything that cannot be understood, or is said twice.
    """
    orders = {item(prompt): listed(prompt, "order") for prompt in prompts if prompt.id == item(prompt)}
    found: dict[tuple[str, str, str], Rating] = {}
    blank = 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines, strict=True)
        if not {"item", "score"} <= set(rows.fieldnames or ()) or not {"place", "system"} & set(rows.fieldnames or ()):
            raise ValueError(f"{file}: it needs the columns item, score, and place or system; it has {rows.fieldnames}")
        for where, row in _numbered(file, rows):
            if not (row["score"] or "").strip():
                blank += 1
                continue
            rating = _rating(where, row, orders, row.get("rater") or file.stem)
            if (key := rating[:3]) in found:
                raise ValueError(f"{where}: {rating.rater} rated {rating.system} on {rating.item} twice")
            found[key] = rating
    return list(found.values()), blank


def _numbered(file: Path, rows: "csv.DictReader[str]") -> Iterator[tuple[str, dict[str, str]]]:
    try:
        for row in rows:
            yield f"{file}:{rows.line_num}", row
    except csv.Error as error:
        raise ValueError(f"{file}:{rows.line_num}: not CSV: {error}") from error


def _rating(where: str, row: dict[str, str], orders: dict[str, list[str]], rater: str) -> Rating:
    name, said = row["item"], row["score"].strip()
    if name not in orders:
        raise ValueError(f"{where}: no question has the id {name!r}")
    if system := row.get("system"):
        if system not in orders[name]:
            raise ValueError(f"{where}: no system is called {system!r}; there are {', '.join(sorted(orders[name]))}")
    else:
        place = row["place"] or ""
        if not place.isdecimal() or not 1 <= int(place) <= len(orders[name]):
            raise ValueError(f"{where}: place must be 1 to {len(orders[name])}, not {place!r}")
        system = orders[name][int(place) - 1]
    try:
        score = float(said)
    except ValueError:
        score = -1.0
    if not 0 <= score <= MOST:
        raise ValueError(f"{where}: a score is a number from 0 to {MOST}, not {said!r}")
    return Rating(rater, name, system, score)
