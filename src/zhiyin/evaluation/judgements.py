"""What a judge said, one line for each system and question, and the totals of the tasks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zhiyin.evaluation.judging import Judging, item, listed
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.review import Points, Standing, TaskRow

POINTS = 100.0
"""What a task is worth."""
BEST = {"score": 10.0, "win": 1.0}
"""The best value, by the kind of mark."""


@dataclass(frozen=True)
class Judgement:
    """One answer, judged once."""

    kind: str
    """`score`, or `win` for a game of two."""
    prompt_id: str
    item: str
    task: str
    system: str
    place: int
    """Where it stood before the judge, from 1."""
    value: float | None
    """From 0 to 1; None when it could not be read."""
    length: int
    """Characters of the answer."""


@dataclass(frozen=True)
class Totals:
    """Points of each system in each task, as the table of document 003 has them."""

    systems: tuple[str, ...]
    tasks: tuple[str, ...]
    points: Mapping[tuple[str, str], float]
    """By (task, system), of 100; what could not be read counts as 0."""
    unread: Mapping[tuple[str, str], int]
    """How many judgements of it could not be read."""

    @property
    def sums(self) -> dict[str, float]:
        """The sum over tasks, by system."""
        return {name: sum(self.points[task, name] for task in self.tasks) for name in self.systems}


def judgements(benchmark: Judging, prompts: Iterable[Prompt], replies: Iterable[Completion]) -> Iterator[Judgement]:
    """Yield what was said of each system in each reply, in the order of the prompts."""
    given: dict[str, list[Completion]] = {}
    for reply in replies:
        given.setdefault(reply.prompt_id, []).append(reply)
    for prompt in prompts:
        order, answers = listed(prompt, "order"), listed(prompt, "answers")
        for reply in given.get(prompt.id, ()):
            for mark in benchmark.marks(prompt, reply):
                kind, _, system = mark.measure.partition("/")
                place = order.index(system)
                value = None if mark.extracted is None else mark.value / BEST[kind]
                length = len(answers[place])
                yield Judgement(kind, prompt.id, item(prompt), prompt.group, system, place + 1, value, length)


def totals(judged: Iterable[Judgement]) -> Totals:
    """Add up: the mean over the times an item was judged, then over items, times 100. Ten items make it a sum."""
    values: dict[tuple[str, str], dict[str, list[float | None]]] = {}
    for one in judged:
        values.setdefault((one.task, one.system), {}).setdefault(one.item, []).append(one.value)
    points, unread = {}, {}
    for key, items in values.items():
        means = [sum(value or 0.0 for value in times) / len(times) for times in items.values()]
        points[key] = POINTS * sum(means) / len(means)
        unread[key] = sum(value is None for times in items.values() for value in times)
    systems = tuple(dict.fromkeys(system for _, system in values))
    return Totals(systems, tuple(dict.fromkeys(task for task, _ in values)), points, unread)


def standings(points: Mapping[str, float], own: Sequence[str] = ()) -> dict[str, Standing]:
    """Return who is best in a row, and who is the best of our own below, as document 003 marks them.

    `own` names our systems, all of them when empty. Ties share a mark; so does another system with that very value.
    """
    near = {name: round(value, 6) for name, value in points.items()}
    best = max(near.values())
    second = max((value for name, value in near.items() if value < best and (not own or name in own)), default=None)
    return {name: "best" if value == best else "own_best" if value == second else "" for name, value in near.items()}


def rows(table: Totals, own: Sequence[str] = ()) -> tuple[TaskRow, ...]:
    """Return the table, task by task, with its marks."""
    found = []
    for task in table.tasks:
        points = {name: table.points[task, name] for name in table.systems}
        found.append(TaskRow(task, _cells(points, {name: table.unread[task, name] for name in points}, own)))
    return tuple(found)


def sums(table: Totals, own: Sequence[str] = ()) -> tuple[Points, ...]:
    """Return the last row: all tasks together."""
    unread = {name: sum(table.unread[task, name] for task in table.tasks) for name in table.systems}
    return _cells(table.sums, unread, own)


def _cells(points: Mapping[str, float], unread: Mapping[str, int], own: Sequence[str]) -> tuple[Points, ...]:
    marks = standings(points, own)
    return tuple(Points(value, unread[name], marks[name]) for name, value in points.items())


def markdown(table: Totals, own: Sequence[str] = ()) -> str:
    """Return the table as document 003 prints it: the best in bold, `*` at the best of our own, sums in the last row.

    What could not be read stands in brackets behind the points of a task.
    """
    lines = ["| | " + " | ".join(table.systems) + " |", "|---" * (len(table.systems) + 1) + "|"]
    for row in rows(table, own):
        cells = [f"{printed(one)} ({one.unread}?)" if one.unread else printed(one) for one in row.cells]
        lines.append(f"| {row.task} | " + " | ".join(cells) + " |")
    lines.append("| Σ | " + " | ".join(map(printed, sums(table, own))) + " |")
    return "\n".join(lines) + "\n"


def printed(cell: Points) -> str:
    """Write points with their mark: `**91**`, `82*`, `63`."""
    text = f"{cell.points:.2f}".rstrip("0").rstrip(".")
    return {"best": f"**{text}**", "own_best": f"{text}*", "": text}[cell.standing]
