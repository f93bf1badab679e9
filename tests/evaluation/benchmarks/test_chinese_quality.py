"""The quality benchmark: which turns are asked, and the marks of an answer by hand."""

from pathlib import Path

import pytest
from tests.evaluation.desk import Desk, given, make_benchmark

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Completion

TALK = Conversation(
    "c",
    (
        Message("system", "助手"),
        Message("user", "你好"),
        Message("assistant", "好"),
        Message("user", "秋天呢？"),
        Message("assistant", "美"),
    ),
    "test",
    "闲聊",
)


def test_the_last_answer_is_written_anew(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "chinese_quality"})
    (prompt,) = benchmark.prompts(ConversationSet(ConversationSet.write(tmp_path, [TALK]).path))
    assert (prompt.messages, prompt.group, prompt.choices) == (TALK.messages[:4], "闲聊", ())
    marks = {
        mark.measure: mark.value
        for mark in benchmark.marks(prompt, Completion("c", text="秋天 is 漢語\nuser\n", stopped="length"))
    }
    assert marks == {
        "other_language": pytest.approx(2 / 6),
        "traditional": pytest.approx(2 / 4),
        "repetition": 0.0,
        "ran_on": 1.0,
        "refused": 0.0,
        "stopped": 0.0,
        "characters": 14.0,
    }
    with pytest.raises(ValueError, match=r"prompt c: no answer was generated"):
        list(benchmark.marks(prompt, Completion("c")))


def test_scores_are_shares(desk: Desk) -> None:
    prompts = desk.prepared({"name": "chinese_quality"}, given([TALK]))
    measures = desk.run(desk.scored(prompts, "skilled", 0.0)).overview.measures
    assert (measures["stopped"].mean, measures["ran_on"].mean, measures["refused"].mean) == (1.0, 0.0, 0.0)


def test_what_cannot_be_asked_is_named(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "chinese_quality"})
    alone = Conversation("d", (Message("system", "助手"),), "test")
    with pytest.raises(ValueError, match="record d: there is no user turn"):
        list(benchmark.prompts(ConversationSet(ConversationSet.write(tmp_path, [alone]).path)))
    with pytest.raises(TypeError, match="reads a ConversationSet"):
        list(benchmark.prompts(TextSet(tmp_path)))
