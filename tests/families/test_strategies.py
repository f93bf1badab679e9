"""What every strategy owes: it asks in rounds, and ends with one completion."""

import pytest
from msgspec import structs

from zhiyin.execution.catalog import load, make, names
from zhiyin.inference.strategies import Strategy
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

STRATEGIES = names(Strategy)
PROMPT = Prompt("p", messages=(Message("user", "一加一等于几？"),))
ROUNDS = {"direct": 1}


def test_the_family() -> None:
    assert STRATEGIES == ("direct",)
    assert set(ROUNDS) == set(STRATEGIES), "each strategy states its number of rounds here"
    assert all((load(Strategy, name).__doc__ or "").strip() for name in STRATEGIES)


def answered(name: str, prompt: Prompt) -> tuple[int, list[Prompt], Completion]:
    rounds = make(Strategy, name).answer(prompt)
    asked, number = list(next(rounds)), 1
    waiting = asked
    while True:
        heard = [Completion(one.id, text=f"答{number}", stopped="stop", tokens=3) for one in waiting]
        try:
            waiting = list(rounds.send(heard))
        except StopIteration as end:
            return number, asked, end.value
        asked += waiting
        number += 1


@pytest.mark.parametrize("name", STRATEGIES)
def test_asks_in_rounds_and_answers_once(name: str) -> None:
    number, asked, completion = answered(name, PROMPT)
    assert number == ROUNDS[name]
    assert all(bool(one.messages) != (one.text is not None) for one in asked)
    assert isinstance(completion, Completion)
    assert completion.text
    assert answered(name, PROMPT) == (number, asked, completion), "the same prompt is asked the same way"


def test_direct_asks_the_prompt_itself() -> None:
    with_samples = structs.replace(PROMPT, samples=4)
    assert answered("direct", with_samples)[1] == [with_samples]
    assert answered("direct", PROMPT)[2] == Completion("p", text="答1", stopped="stop", tokens=3)
