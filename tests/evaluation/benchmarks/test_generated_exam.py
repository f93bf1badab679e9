"""The exam the project writes itself, in its three protocols."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.evaluation.desk import CITIES, make_benchmark, question

from zhiyin.artifacts import ConversationSet, TextSet
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark


def prompts(folder: Path, records: list[Conversation], **settings: Any) -> list[Prompt]:
    benchmark = make_benchmark({"name": "generated_exam", **settings})
    return list(benchmark.prompts(ConversationSet(ConversationSet.write(folder, records).path)))


def test_answer_texts_are_ranked_after_the_bare_question(tmp_path: Path) -> None:
    (prompt,) = prompts(tmp_path, [question(2)], protocol="answer_text")
    assert prompt.messages == (Message("user", "第2个城市是哪里？"),)
    assert (prompt.choices, prompt.reference, prompt.group) == (CITIES, "广州", "capital")


def test_letters_are_ranked_after_the_options(tmp_path: Path) -> None:
    (prompt,) = prompts(tmp_path, [question(2)], protocol="letter")
    (message,) = prompt.messages
    assert message.content == "第2个城市是哪里？\nA. 北京\nB. 上海\nC. 广州\nD. 深圳\n答案是："
    assert (prompt.choices, prompt.reference) == (("A", "B", "C", "D"), "C")
    assert prompt.meta["question"] == "第2个城市是哪里？"


def test_generated_text_is_read_against_the_choices(tmp_path: Path) -> None:
    (prompt,) = prompts(tmp_path, [question(2)], protocol="generate")
    benchmark = make_benchmark({"name": "generated_exam", "protocol": "generate"})
    assert prompt.choices == ()
    right = Completion(prompt.id, text="是广州。", stopped="stop")
    accuracy, characters, stopped = benchmark.marks(prompt, right)
    assert accuracy == Mark("capital-2", "accuracy", 1.0, extracted="广州", group="capital")
    assert (characters.value, stopped.value) == (4.0, 1.0)
    both = Completion(prompt.id, text="广州、深圳、北京", stopped="length")
    accuracy, characters, stopped = benchmark.marks(prompt, both)
    assert (accuracy.value, accuracy.extracted, stopped.value) == (0.0, None, 0.0)


def test_a_draw_is_seeded_and_keeps_the_order(tmp_path: Path) -> None:
    records = [question(number) for number in range(50)]

    def drawn(seed: int) -> list[int]:
        some = prompts(tmp_path, records, protocol="letter", limit=10, seed=seed)
        return [int(prompt.id.rpartition("-")[2]) for prompt in some]

    assert drawn(1) == drawn(1) == sorted(set(drawn(1)))
    assert len(drawn(1)) == 10
    assert drawn(1) != drawn(2)
    assert drawn(1) != list(range(10))
    assert len(prompts(tmp_path, records, protocol="letter")) == 50
    with pytest.raises(ValueError, match="51 questions wanted"):
        prompts(tmp_path, records, protocol="letter", limit=51)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"meta": {"answer": "北京"}}, "capital-0: meta.choices must be four different texts"),
        ({"meta": {"choices": ["甲", "乙", "丙"], "answer": "甲"}}, "must be four different texts"),
        ({"meta": {"choices": ["1", "１", "2", "3"], "answer": "2"}}, "must be four different texts"),
        ({"meta": {"choices": list(CITIES), "answer": "A"}}, "meta.answer must be one of"),
        ({"messages": (Message("system", "你好"),)}, "there is no user turn to ask"),
    ],
)
def test_records_that_are_no_questions_are_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        prompts(tmp_path, [msgspec.structs.replace(question(0), **change)], protocol="letter")


def test_other_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="reads a ConversationSet"):
        list(make_benchmark({"name": "generated_exam", "protocol": "letter"}).prompts(TextSet(tmp_path)))
