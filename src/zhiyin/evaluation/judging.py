"""What judging benchmarks share: a question with the answers of several systems, and where they stood in the prompt."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from msgspec import Struct
from pydantic import Field

from zhiyin.execution.catalog import Plugin
from zhiyin.execution.config import InputPath
from zhiyin.records import jsonl
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

ROLES = {"system": "系统", "user": "用户", "assistant": "助手"}
AGAIN = "#"
"""Stands between the id of a question and the number of a further time it is judged."""


class Answered(Struct, frozen=True, forbid_unknown_fields=True):
    """A question, and what each system answered."""

    id: str
    messages: tuple[Message, ...]
    answers: dict[str, str]
    """By the system's name; the same names for every question."""
    group: str = ""
    """Its task."""

    @property
    def question(self) -> str:
        """The question as one text: a single turn as it is, several with who said them."""
        if len(self.messages) == 1:
            return self.messages[0].content
        return "\n".join(f"{ROLES[turn.role]}：{turn.content}" for turn in self.messages)


class Judging(Plugin, ABC):
    """The part of a benchmark that puts systems' answers before a judge; mixed into a `Benchmark`.

    The step `judge` writes its prompts from answers. A question that is judged several times is one item: all of its
    marks bear the id of its first prompt.
    """

    answers: InputPath | None = None
    """Answers from elsewhere (step `prepare`): JSON lines of `id`, `messages`, `answers` by system, and `group`."""
    seed: int = 42
    """Of the order in which the systems stand before the judge."""
    repeats: int = Field(default=1, ge=1)
    """How often each question is judged, each time in another order."""

    @abstractmethod
    def ask(self, one: Answered) -> Iterator[Prompt]:
        """Yield the judge's prompts about one question; `placed` makes them."""

    @abstractmethod
    def marks(self, prompt: Prompt, completion: Completion, reference: Completion | None = None) -> Iterator[Mark]:
        """Yield a mark for each system, `<kind>/<system>`, in the order they were named in."""

    def prompts(self, records: object) -> Iterator[Prompt]:
        """Yield the judge's prompts about the questions of the file `answers`."""
        if self.answers is None:
            raise ValueError(
                f"{self.name} judges answers: the step `judge` takes those of this recipe, the field `answers` a file"
            )
        yield from self.about(jsonl.read(self.answers, Answered))

    def about(self, answered: Iterable[Answered]) -> Iterator[Prompt]:
        """Yield the prompts about each question; raises `ValueError` where other systems answered than before."""
        first: list[str] | None = None
        for one in answered:
            first = list(one.answers) if first is None else first
            if set(one.answers) != set(first):
                raise ValueError(f"question {one.id} has answers of {sorted(one.answers)}, the first one of {first}")
            yield from self.ask(one)


def orders(one: Answered, seed: int, repeats: int) -> list[list[str]]:
    """Return the systems in the order of each repeat: drawn by seed and id, then moved on by one place each time."""
    drawn = sorted(one.answers)
    Random(f"{seed}/{one.id}").shuffle(drawn)
    return [drawn[turn % len(drawn) :] + drawn[: turn % len(drawn)] for turn in range(repeats)]


def placed(one: Answered, text: str, order: Sequence[str], number: int) -> Prompt:
    """Return the judge's prompt; `number` from 0 tells prompts of one question apart."""
    return Prompt(
        id=one.id if number == 0 else f"{one.id}{AGAIN}{number + 1}",
        messages=(Message("user", text),),
        group=one.group,
        meta={
            "item": one.id,
            "order": list(order),
            "systems": list(one.answers),
            "question": one.question,
            "answers": [one.answers[name] for name in order],
        },
    )


def listed(prompt: Prompt, name: str) -> list[str]:
    """Return a list the prompt was made with, such as `order`; raises `ValueError` for a prompt of something else."""
    value = prompt.meta.get(name)
    if not isinstance(value, list):
        raise ValueError(f"prompt {prompt.id} is no question to a judge: its meta has no list {name!r}")
    return value


def by_system(prompt: Prompt, values: Mapping[int, float]) -> dict[str, float | None]:
    """Return what stands at each place (from 1) by the system that stood there; None where nothing was found."""
    places = {name: place for place, name in enumerate(listed(prompt, "order"), start=1)}
    return {name: values.get(places[name]) for name in listed(prompt, "systems")}


def item(prompt: Prompt) -> str:
    """Return the id of the question."""
    return str(prompt.meta["item"])
