"""What is too long is set aside or cut, as the guards say, and counted by source; nothing is lost in silence."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.house import House
from tests.training.test_train import dpo, pretraining, sft

from zhiyin.artifacts import ConversationSet, PreferenceSet
from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.execution.catalog import make
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective
from zhiyin.training.overlength import shortened, take_in

BOS = 2


def sequence(prompt: int, answer: int, *, first: int = 0) -> Encoded:
    """Return BOS, prompt tokens 100, 101, ..., then supervised tokens from `first` on, each with a weight."""
    ids = [BOS, *range(100, 100 + prompt), *range(first, first + answer)]
    mask = [False] * (prompt + 1) + [True] * answer
    return Encoded(ids, mask, [float(counts) for counts in mask])


def test_what_fits_stays_itself() -> None:
    example = Example("a", (sequence(3, 4),))
    assert shortened(example, 8, BOS) is example


def test_a_conversation_loses_its_end() -> None:
    cut = shortened(Example("a", (sequence(3, 6, first=200),)), 7, BOS)
    assert isinstance(cut, Example)
    assert cut.sequences[0].ids == [BOS, 100, 101, 102, 200, 201, 202]
    assert cut.sequences[0].mask == [False] * 4 + [True] * 3
    assert cut.sequences[0].weights == [0.0] * 4 + [1.0] * 3


def test_a_pair_loses_the_same_beginning_of_its_prompt_and_keeps_bos() -> None:
    pair = (sequence(6, 3, first=200), sequence(6, 2, first=300))
    cut = shortened(Example("a", pair), 8, BOS)
    assert isinstance(cut, Example)
    assert [one.ids for one in cut.sequences] == [
        [BOS, 102, 103, 104, 105, 200, 201, 202],
        [BOS, 102, 103, 104, 105, 300, 301],
    ]
    assert cut.sequences[0].mask == [False] * 5 + [True] * 3


def test_a_pair_keeps_half_for_its_prompt_then_loses_the_ends_of_its_answers() -> None:
    pair = (sequence(9, 9, first=200), sequence(9, 2, first=300))
    cut = shortened(Example("a", pair), 8, BOS)
    assert isinstance(cut, Example)
    assert [one.ids for one in cut.sequences] == [
        [BOS, 106, 107, 108, 200, 201, 202, 203],
        [BOS, 106, 107, 108, 300, 301],
    ]


def test_a_short_prompt_is_kept_whole_and_the_answers_fill_the_rest() -> None:
    pair = (sequence(1, 9, first=200), sequence(1, 9, first=300))
    cut = shortened(Example("a", pair), 8, BOS)
    assert isinstance(cut, Example)
    assert [one.ids for one in cut.sequences] == [
        [BOS, 100, *range(200, 206)],
        [BOS, 100, *range(300, 306)],
    ]


def test_without_bos_the_first_token_is_like_any_other() -> None:
    pair = (sequence(6, 3, first=200), sequence(6, 2, first=300))
    cut = shortened(Example("a", pair), 8, None)
    assert isinstance(cut, Example)
    assert cut.sequences[0].ids == [101, 102, 103, 104, 105, 200, 201, 202]


def test_where_nothing_supervised_is_left_the_record_is_set_aside() -> None:
    refused = shortened(Example("a", (sequence(9, 3),)), 6, BOS)
    assert refused == Rejected("a", "no supervised token within max_length", "13 tokens")


def chats(folder: Path) -> ConversationSet:
    records = [
        Conversation(f"{source}{n}", (Message("user", "你好"), Message("assistant", "好。" * n)), source)
        for source, n in [("poems", 1), ("poems", 40), ("news", 50), ("news", 60), ("chat", 2)]
    ]
    return ConversationSet.write(folder, records)


def test_both_policies_count_by_source(encoder: Encoder, tmp_path: Path) -> None:
    objective, records = make(Objective, "cross_entropy"), chats(tmp_path)
    dropped = take_in(records, objective, encoder, max_length=30)
    assert [example.id for example in dropped.examples] == ["poems1", "chat2"]
    reasons = {"news": {"longer than max_length": 2}, "poems": {"longer than max_length": 1}}
    assert dropped.by_source() == {"set_aside_by_source": reasons}
    assert dropped.cut == []
    cut = take_in(records, objective, encoder, max_length=30, truncate=True)
    assert [example.id for example in cut.examples] == ["poems1", "poems40", "news50", "news60", "chat2"]
    assert cut.cut == ["poems40", "news50", "news60"]
    assert cut.rejected == []
    assert cut.by_source() == {"truncated_by_source": {"news": 2, "poems": 1}}
    assert cut.summary() == {"examples": 5, "set_aside": 0, "truncated_by_source": {"news": 2, "poems": 1}}
    assert max(len(example.sequences[0].ids) for example in cut.examples) == 30
    whole = take_in(records, objective, encoder, max_length=1000)
    for short, long in zip(cut.examples, whole.examples, strict=True):
        assert short.sequences[0].ids == long.sequences[0].ids[:30]


def test_running_text_is_cut_into_blocks_under_both(house: House, encoder: Encoder) -> None:
    objective, texts = make(Objective, "causal_lm"), house.make(house.texts)
    one, other = (take_in(texts, objective, encoder, max_length=32, truncate=truncate) for truncate in (False, True))
    assert one.examples == other.examples
    assert {len(example.sequences[0].ids) for example in one.examples[:-1]} == {32}


def test_pairs_of_a_real_template_are_cut_alike(encoder: Encoder, tmp_path: Path) -> None:
    question = (Message("user", "请回答。" * 20),)
    records = [Preference("p", question, "武汉。" * 3, "不知道。", "test")]
    objective = make(Objective, "dpo")
    pairs = PreferenceSet.write(tmp_path, records)
    (whole,) = take_in(pairs, objective, encoder, max_length=10_000).examples
    (cut,) = take_in(pairs, objective, encoder, max_length=40, truncate=True).examples
    for short, long in zip(cut.sequences, whole.sequences, strict=True):
        assert short.ids[0] == long.ids[0] == encoder.bos_id
        assert len(short.ids) <= 40
        assert [id for id, counts in zip(short.ids, short.mask, strict=True) if counts] == [
            id for id, counts in zip(long.ids, long.mask, strict=True) if counts
        ]
    assert max(len(one.ids) for one in cut.sequences) == 40


@pytest.mark.parametrize(("make_step", "max_length", "count"), [(sft, 32, 2), (dpo, 26, 7)])
def test_a_training_on_cut_records_says_so(house: House, make_step: Any, max_length: int, count: int) -> None:
    guards = {"overlength": "truncate", "probes": 0}
    artifact = house.make(make_step(house, max_length=max_length, guards=guards))
    assert artifact.summary["set_aside"] == 0
    assert artifact.summary["examples"] == 7
    assert artifact.summary["truncated_by_source"] == {"test": count}
    figures = json.loads((artifact.path / "lint.json").read_text(encoding="utf-8"))
    assert figures["train"]["truncated_by_source"] == {"test": count}
    assert figures["train"]["longest"] == max_length
    assert figures["train"]["turns_without_stop"] == count
    assert list(jsonl.read(artifact.path / "rejected.jsonl", Rejected)) == []


def test_a_training_that_drops_records_names_their_source(house: House) -> None:
    artifact = house.make(sft(house, max_length=30, guards={"probes": 0}))
    assert artifact.summary["set_aside_by_source"] == {
        "test": {"longer than max_length": artifact.summary["set_aside"]}
    }
    assert "truncated_by_source" not in artifact.summary
    assert "set_aside_by_source" not in house.make(pretraining(house)).summary
