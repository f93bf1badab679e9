"""Pairs that teach a form: the right letter is chosen, whatever the model said, and nothing trained on is scored."""

from typing import Any

import pytest
from tests.data.stand_ins import given, made, replied

from zhiyin.artifacts import PreferenceSet
from zhiyin.data import compliance_pairs
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt


def question(key: str, group: str, answer: str = "B") -> Prompt:
    return Prompt(key, messages=(Message("user", f"题目{key}"),), reference=answer, group=group)


QUESTIONS = [question(f"a{n}", "甲") for n in range(10)] + [question(f"b{n}", "乙", "D") for n in range(3)]
REPLIES = {prompt.id: f"答案是A。因为{prompt.id}" for prompt in QUESTIONS}


def pairs(
    runtime: Runtime, replies: dict[str, str], protected: Step[Any] | None = None, **fields: Any
) -> PreferenceSet:
    asked = given(QUESTIONS)
    inputs: dict[str, Any] = {"prompts": asked, "completions": replied(asked, replies)}
    if protected:
        inputs["protected"] = {"exam": protected}
    config = compliance_pairs.Config.model_validate(fields)
    result: PreferenceSet = made(step(compliance_pairs.compliance_pairs, config, inputs), runtime)
    return result


def test_the_right_letter_is_chosen_and_the_reply_rejected(runtime: Runtime) -> None:
    replies = {**REPLIES, "a0": " B\n", "a1": "C", "a2": "", "b0": "Ｄ"}
    train = pairs(runtime, replies)
    rest = pairs(runtime, replies, part="validation")
    everything = {pair.id: pair for pair in (*train, *rest)}
    assert set(everything) == {prompt.id for prompt in QUESTIONS} - {"a0", "a1", "a2"}
    assert everything["a3"].chosen == "B"
    assert everything["b1"].chosen == "D"
    assert everything["b0"].rejected == "Ｄ"
    assert everything["a3"].rejected == "答案是A。因为a3"
    assert everything["a3"].meta == {"answer": "B"}
    assert everything["a3"].kind == "甲"
    assert {row.where: row.reason for row in train.rejected} == {
        "a0": "the reply is compliant",
        "a1": "the reply is compliant",
        "a2": "the reply is empty",
    }
    assert train.summary["parts"] == {"compliant": 2, "train": 8, "validation": 2}
    assert train.summary["strict_compliance"] == 2 / 13


def test_a_share_of_each_subject_and_one_at_least_is_for_validation(runtime: Runtime) -> None:
    rest = pairs(runtime, REPLIES, part="validation")
    assert [pair.kind for pair in rest] == ["甲", "甲", "乙"]
    assert [pair.id for pair in pairs(runtime, REPLIES, part="validation", seed=1)] != [pair.id for pair in rest]
    assert pairs(runtime, REPLIES, validation=0.0).summary["records"] == 13
    alone = {key: "B" for key in REPLIES} | {"b1": "选D吧"}
    assert [pair.id for pair in pairs(runtime, alone)] == ["b1"]


def test_a_protected_question_is_refused(runtime: Runtime) -> None:
    shot = (Message("user", "例题"), Message("assistant", "A"))
    same = Prompt("val/7", messages=(*shot, Message("user", " 题目a3 ")), reference="B")
    with pytest.raises(Exception, match=r"1 questions of exam would be trained on, .* first val/7, here a3"):
        pairs(runtime, REPLIES, given([same]))
    other = Prompt("val/8", messages=(Message("user", "别的题"),), reference="B")
    assert pairs(runtime, REPLIES, given([other])).summary["records"] == 10


def test_a_protected_question_is_known_under_another_protocol(runtime: Runtime) -> None:
    """With its options turned, too; a stem with other options is another question."""

    def item(key: str, text: str, *options: str) -> Prompt:
        return Prompt(key, text=text, reference="A", meta={"question": "下列正确的是", "options": list(options)})

    asked = given([item("a", "下列正确的是\nA. 一\nB. 二", "一", "二")])
    inputs = {"prompts": asked, "completions": replied(asked, {"a": "答案是A"})}
    other, same = item("o", "题目：下列正确的是", "一", "三"), item("s", "题目：下列正确的是\nA.二 B.一", "二", "一")
    for exam, refused in ((other, False), (same, True)):
        done = step(
            compliance_pairs.compliance_pairs,
            compliance_pairs.Config(),
            {**inputs, "protected": {"exam": given([exam])}},
        )
        if refused:
            with pytest.raises(Exception, match=r"1 questions of exam would be trained on, .* first s, here a"):
                made(done, runtime)
        else:
            with pytest.raises(Exception, match="the question is raw text"):
                made(done, runtime)


def test_questions_without_an_answer_are_refused(runtime: Runtime) -> None:
    asked = given([question("x", "甲", "")])
    inputs = {"prompts": asked, "completions": replied(asked, {"x": "长"})}
    with pytest.raises(Exception, match="prompt x: the right answer is ''"):
        made(step(compliance_pairs.compliance_pairs, compliance_pairs.Config(), inputs), runtime)
