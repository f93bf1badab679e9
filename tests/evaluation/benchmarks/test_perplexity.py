"""Perplexity of documents and of answers, against sums done by hand."""

import math
from pathlib import Path

import pytest
from tests.evaluation.desk import Desk, given, make_benchmark

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.prompt import Completion

DOCUMENTS = [Document("a", "春眠不觉晓", "poems", "诗"), Document("b", "处处", "poems", "词")]
TURNS = (Message("system", "助手"), Message("user", "一"), Message("assistant", "二"), Message("user", "三"))


def test_a_document_is_scored_from_its_start(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "perplexity", "add_bos": True})
    first, second = benchmark.prompts(TextSet(TextSet.write(tmp_path, DOCUMENTS).path))
    assert (first.text, first.add_bos, first.choices, first.group) == ("", True, ("春眠不觉晓",), "诗")
    assert second.id == "b"


def test_a_conversation_is_scored_on_its_last_answer(tmp_path: Path) -> None:
    talk = Conversation("c", (*TURNS, Message("assistant", "四五")), "test", "问答")
    (prompt,) = make_benchmark({"name": "perplexity"}).prompts(
        ConversationSet(ConversationSet.write(tmp_path, [talk]).path)
    )
    assert (prompt.messages, prompt.choices, prompt.text) == (TURNS, ("四五",), None)


def test_scores_by_hand(desk: Desk) -> None:
    prompts = desk.prepared({"name": "perplexity"}, given(DOCUMENTS))
    found = desk.run(desk.scored(prompts, "surprised", 2.0)).overview
    # 2 nats a character, 7 characters, 3 + 1 tokens.
    assert found.measures["perplexity"].mean == pytest.approx(math.exp(14 / 4))
    assert found.measures["bits_per_character"].mean == pytest.approx(2 / math.log(2))
    assert found.exam is None


def test_the_limit_takes_the_first(desk: Desk) -> None:
    assert desk.run(desk.prepared({"name": "perplexity", "limit": 1}, given(DOCUMENTS))).summary["prompts"] == 1


def test_what_has_no_perplexity_is_named(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "perplexity"})
    with pytest.raises(ValueError, match="record e: the text is empty"):
        list(benchmark.prompts(TextSet(TextSet.write(tmp_path, [Document("e", "", "test")]).path)))
    for turns in ((), TURNS[:2], (*TURNS, Message("assistant", "")), (Message("assistant", "一"),)):
        talk = Conversation("c", turns, "test")
        records = ConversationSet(ConversationSet.write(tmp_path, [talk]).path)
        with pytest.raises(ValueError, match="record c: perplexity needs a user turn followed by an answer"):
            list(benchmark.prompts(records))
    with pytest.raises(TypeError, match="reads a TextSet or a ConversationSet"):
        list(benchmark.prompts(PreferenceSet(tmp_path)))


def test_a_text_that_was_not_scored_is_an_error(tmp_path: Path) -> None:
    benchmark = make_benchmark({"name": "perplexity"})
    prompt = next(benchmark.prompts(TextSet(TextSet.write(tmp_path, DOCUMENTS).path)))
    for silent in (Completion("a"), Completion("a", choice_logprobs=(-1.0,), choice_tokens=(0,))):
        with pytest.raises(ValueError, match="prompt a: the text was not scored"):
            list(benchmark.marks(prompt, silent))
