"""Prompts go to the scorer or to generation, rounds are asked together, and answers keep their order."""

from collections.abc import Generator, Sequence

import pytest

from zhiyin.inference.engines import Advance, Question, Session
from zhiyin.inference.interview import Interview
from zhiyin.inference.sampling import Sampling
from zhiyin.inference.strategies import Rounds, Strategy
from zhiyin.inference.strategies.direct import Direct
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt


class Parrot(Session):
    """Repeats the last message, and notes what it is asked."""

    template = "parrot"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def generate(self, questions: Sequence[Question], sampling: Sampling, advance: Advance) -> list[Completion]:
        self.asked.append([question.stream for question in questions])
        advance(len(questions))
        return [
            Completion(question.prompt.id, text=question.prompt.messages[-1].content, stopped="stop")
            for question in questions
        ]

    def score(self, prompts: Sequence[Prompt], advance: Advance) -> list[Completion]:
        self.asked.append([prompt.id for prompt in prompts])
        advance(len(prompts))
        return [Completion(p.id, choice_logprobs=tuple(-float(len(c)) for c in p.choices)) for p in prompts]

    def stream(self, question: Question, sampling: Sampling) -> Generator[str, None, Completion]:
        yield from question.prompt.messages[-1].content
        return Completion(question.prompt.id)


class Twice(Strategy):
    """Asks; unless the answer is `stop`, asks two more questions, one of them with choices."""

    def answer(self, prompt: Prompt) -> Rounds:
        (first,) = yield (prompt,)
        if first.text == "stop":
            return first
        scored = Prompt(f"{prompt.id}-which", messages=prompt.messages, choices=("a", "bb"))
        second, third = yield (scored, saying(f"{prompt.id}-again", first.text + "!"))
        return Completion("anything", sample=9, text=third.text, trace=str(second.choice_logprobs))


def saying(name: str, text: str, samples: int = 1) -> Prompt:
    return Prompt(name, messages=(Message("user", text),), samples=samples)


def ignore(finished: int) -> None:
    pass


def test_choices_are_scored_and_the_rest_generated_in_order() -> None:
    session = Parrot()
    choice = Prompt("c", text="x", choices=("a", "bb"))
    told: list[int] = []
    found = Interview(session, Direct(), Sampling()).ask([saying("p", "一"), choice, saying("q", "二")], told.append)
    assert [completion.prompt_id for completion in found] == ["p", "c", "q"]
    assert [completion.text for completion in found] == ["一", "", "二"]
    assert found[1].choice_logprobs == (-1.0, -2.0)
    assert session.asked == [["c"], ["p/0/0/0", "q/0/0/0"]]
    assert sum(told) == 3


def test_samples_stand_side_by_side_with_streams_of_their_own() -> None:
    session = Parrot()
    interview = Interview(session, Direct(), Sampling(temperature=1.0))
    found = interview.ask([saying("p", "一", samples=3), saying("q", "二")], ignore)
    assert [(completion.prompt_id, completion.sample) for completion in found] == [
        ("p", 0),
        ("p", 1),
        ("p", 2),
        ("q", 0),
    ]
    assert session.asked == [["p/0/0/0", "p/1/0/0", "p/2/0/0", "q/0/0/0"]]


def test_samples_at_temperature_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"prompt 'p' asks for 2 samples.*temperature"):
        Interview(Parrot(), Direct(), Sampling()).ask([saying("p", "一", samples=2)], ignore)


def test_rounds_of_all_prompts_are_asked_together() -> None:
    session = Parrot()
    found = Interview(session, Twice(), Sampling()).ask(
        [saying("p", "一"), saying("s", "stop"), saying("q", "二")], ignore
    )
    assert [(completion.prompt_id, completion.sample, completion.text) for completion in found] == [
        ("p", 0, "一!"),
        ("s", 0, "stop"),
        ("q", 0, "二!"),
    ]
    assert found[0].trace == "(-1.0, -2.0)"
    assert session.asked == [
        ["p/0/0/0", "s/0/0/0", "q/0/0/0"],
        ["p-which", "q-which"],
        ["p/0/1/1", "q/0/1/1"],
    ]


def test_nothing_asked_nothing_run() -> None:
    session = Parrot()
    assert Interview(session, Direct(), Sampling()).ask([], ignore) == []
    assert session.asked == []
