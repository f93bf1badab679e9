"""After training, a few questions are asked; whether their answers end is counted, and an unlearnt stop is told."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.house import House
from tests.training.test_train import dpo, pretraining, sft

from zhiyin.chat.encode import Encoder
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Document, Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.training import attention
from zhiyin.training.probes import answers, probe, questions, summary
from zhiyin.training.watch import Guards

ASK, REPLY = Message("user", "问"), Message("assistant", "答")


def test_a_question_is_everything_before_the_last_answer() -> None:
    talk = Conversation("c", (Message("system", "规"), ASK, REPLY, Message("user", "再问"), REPLY), "test")
    pair = Preference("p", (ASK,), "好", "坏", "test")
    asked = questions([talk, pair, Document("d", "文", "test")], 9)
    assert asked == [Prompt("c", talk.messages[:4]), Prompt("p", (ASK,))]


def test_questions_are_spread_over_all_records_and_pass_over_the_unfit() -> None:
    records = [Conversation(str(n), (ASK, REPLY), "test") for n in range(100)]
    assert [one.id for one in questions(records, 4)] == ["0", "25", "50", "75"]
    assert [one.id for one in questions(records, 4, apart_from={"0", "25"})] == ["1", "26", "51", "75"]
    assert questions(records, 0) == []
    assert len(questions(records, 1000)) == 100


def one_by_one(model: Any, prompt: Prompt, encoder: Encoder, most: int) -> Completion:
    """Answer one prompt without a cache and without padding, a whole forward pass for each token."""
    ids = encoder.prompt(prompt.messages)
    asked = len(ids)
    stopped = False
    while len(ids) - asked < most and not stopped:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
        stopped = ids[-1] in encoder.stop_ids
    new = ids[asked:]
    text = encoder.tokenizer.decode(new[:-1] if stopped else new, skip_special_tokens=True)
    reason = "stop" if stopped else "length"
    return Completion(prompt.id, text=text, stopped=reason, tokens=len(new), prompt_tokens=asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [1, 60, 10_000])
def test_answers_are_those_of_one_prompt_and_one_token_at_a_time(
    network: Any, house: House, encoder: Encoder, budget: int
) -> None:
    asked = questions(house.make(house.chats), 7)
    with torch.no_grad():  # some answers end early, others not at all
        network.get_output_embeddings().weight[list(encoder.stop_ids)] *= 3
    found = answers(network, asked, encoder, max_new_tokens=12, micro_batch_tokens=budget)
    assert found == [one_by_one(network, prompt, encoder, 12) for prompt in asked]
    assert len({one.tokens for one in found}) > 1


def test_the_model_is_left_as_it_was(network: Any, house: House, encoder: Encoder) -> None:
    attention.register()
    network.set_attn_implementation(attention.NAME)
    network.train()
    settings = network.generation_config
    asked = questions(house.make(house.chats), 2)
    answers(network, asked, encoder, max_new_tokens=3, micro_batch_tokens=100)
    assert network.config._attn_implementation == attention.NAME
    assert network.training
    assert network.generation_config is settings


def test_the_share_that_ends_is_counted_and_a_low_one_is_told(
    house: House, encoder: Encoder, network: Any, caplog: pytest.LogCaptureFixture
) -> None:
    chats = house.make(house.chats)
    with torch.no_grad():
        network.get_output_embeddings().weight[list(encoder.stop_ids)] = 0
        network.get_output_embeddings().weight[50] *= 9
    found = probe(network, chats, encoder, Guards(probes=3, probe_tokens=4), 1000)
    assert summary(found) == {"count": 3, "stopped": 0.0, "mean_tokens": 4.0}
    assert "only 0 of 3 probes ended by a stop token within 4 tokens" in caplog.text
    caplog.clear()
    half = [Completion("a", stopped="stop", tokens=3), Completion("b", stopped="length", tokens=8)]
    assert summary(half) == {"count": 2, "stopped": 0.5, "mean_tokens": 5.5}
    assert probe(network, chats, encoder, Guards(probes=0), 1000) == []
    assert caplog.text == ""


def test_a_model_that_learnt_to_stop_is_seen_to(house: House, caplog: pytest.LogCaptureFixture) -> None:
    guards = {"probe_tokens": 24}
    learnt = house.make(sft(house, learning_rate=2e-2, num_train_epochs=25, guards=guards))
    fresh = house.make(sft(house, learning_rate=0.0, guards=guards))
    assert learnt.summary["probes"]["stopped"] > 0.5 > fresh.summary["probes"]["stopped"]
    assert learnt.summary["probes"]["count"] == 7
    found = list(jsonl.read(learnt.path / "probes.jsonl", Completion))
    assert [one.prompt_id for one in found] == [f"c{n}" for n in range(7)]
    assert summary(found) == learnt.summary["probes"]
    assert caplog.text.count("probes ended by a stop token") == 1


@pytest.mark.parametrize(("make_step", "asked"), [(dpo, True), (pretraining, False)])
def test_pairs_are_asked_and_running_text_is_not(house: House, make_step: Any, asked: bool) -> None:
    artifact = house.make(make_step(house, guards={"probe_tokens": 4}))
    assert ("probes" in artifact.summary) == (artifact.path / "probes.jsonl").is_file() == asked


def test_probes_change_nothing_else(house: House, tmp_path: Path) -> None:
    runtime = Runtime(store=tmp_path, device="cpu")
    asked, unasked = (run([sft(house, guards={"probes": count})], runtime)[-1] for count in (2, 0))
    other = {"probes.jsonl"}
    assert {name: sha for name, sha in asked.manifest.results.items() if name not in other} == unasked.manifest.results
