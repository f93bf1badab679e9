"""What a judge said, one line for each system and question, and the totals of the tasks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zhiyin.evaluation.judging import Judging, item, listed
from zhiyin.records.prompt import Completion, Prompt

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


def marked(points: Mapping[str, float], own: Sequence[str] = ()) -> dict[str, str]:
    """Return one row as document 003 prints it: the best in bold, `*` at the best of our own below it.

    `own` names our systems, all of them when empty. Ties share a mark; so does another system with that very value.
    """
    shown = {name: f"{value:.2f}".rstrip("0").rstrip(".") for name, value in points.items()}
    best = max(points.values())
    below = [value for name, value in points.items() if value < best and (not own or name in own)]
    second = max(below, default=None)
    return {
        name: f"**{text}**" if points[name] == best else f"{text}*" if points[name] == second else text
        for name, text in shown.items()
    }


def markdown(table: Totals, own: Sequence[str] = ()) -> str:
    """Return the table, its sums in the last row; what could not be read stands in brackets behind the points."""
    lines = ["| | " + " | ".join(table.systems) + " |", "|---" * (len(table.systems) + 1) + "|"]
    for task in table.tasks:
        row = marked({name: round(table.points[task, name], 6) for name in table.systems}, own)
        unread = {name: table.unread[task, name] for name in table.systems}
        cells = [f"{row[name]} ({unread[name]}?)" if unread[name] else row[name] for name in table.systems]
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    whole = marked({name: round(value, 6) for name, value in table.sums.items()}, own)
    lines.append("| Σ | " + " | ".join(whole[name] for name in table.systems) + " |")
    return "\n".join(lines) + "\n"
