"""Which prompts of two sets are the same."""

import pytest
from msgspec import structs

from zhiyin.evaluation.twins import twins
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

ASKED = Prompt("1", messages=(Message("user", "一加一？"),), choices=("二", "三"), reference="二", group="sum")


def test_an_id_is_not_part_of_the_content() -> None:
    assert twins([ASKED], [structs.replace(ASKED, id="row-7")]) == {"1": "row-7"}


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": (Message("user", "一加二？"),)},
        {"messages": (Message("system", "答。"), *ASKED.messages)},
        {"messages": (), "text": "一加一？"},
        {"choices": ("三", "二")},
        {"reference": "三"},
        {"group": "sums"},
        {"samples": 4},
        {"meta": {"level": 2}},
    ],
    ids=lambda changed: "+".join(changed),
)
def test_everything_else_is(changed: dict[str, object]) -> None:
    assert twins([ASKED], [structs.replace(ASKED, **changed)]) == {}


def test_the_order_of_meta_is_no_difference() -> None:
    one, other = (structs.replace(ASKED, meta=meta) for meta in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert twins([one], [other]) == {"1": "1"}


def test_a_question_asked_twice_keeps_its_ids_where_they_fit_and_then_its_order() -> None:
    before = [structs.replace(ASKED, id=name) for name in ("a", "b", "c")]
    after = [structs.replace(ASKED, id=name) for name in ("b", "x")]
    assert twins(before, after) == {"a": "x", "b": "b"}


def test_the_same_id_over_another_question_is_no_twin() -> None:
    other = structs.replace(ASKED, messages=(Message("user", "二加二？"),))
    assert twins([ASKED, structs.replace(other, id="2")], [other, structs.replace(ASKED, id="2")]) == {
        "1": "2",
        "2": "1",
    }
