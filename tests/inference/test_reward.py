"""A reward model's number for each answer: that of the model's own class, one conversation at a time."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.data.stand_ins import given, made, replied
from tests.inference.conftest import POSITIONS, shape
from transformers import AutoModelForSequenceClassification

from zhiyin.artifacts import Checkpoint, RewardScores
from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import write_tokenizer
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import step
from zhiyin.inference.reward import Config, reward
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt
from zhiyin.records.reward import Reward


def build(architecture: str, encoder: Encoder, folder: Path, labels: int = 1) -> Any:
    config = shape(architecture, encoder.tokenizer.get_vocab_size())
    config.num_labels = labels
    model: Any = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    write_tokenizer(encoder.tokenizer, Gemma2(), folder)
    model.eval().save_pretrained(folder)
    return model


class Folder(StepConfig):
    """A model that lies somewhere."""

    folder: Path
    """Where."""


def opened(config: Folder, *, out: Path, runtime: Runtime) -> Checkpoint:
    for file in config.folder.iterdir():
        (out / file.name).write_bytes(file.read_bytes())
    return Checkpoint(out)


PROMPTS = [Prompt(f"p{n}", messages=(Message("user", "春眠不觉晓" * n + "？"),), samples=3) for n in range(1, 4)]
ANSWERS = {prompt.id: ("好。", "处处闻啼鸟" * number, "") for number, prompt in enumerate(PROMPTS)}


def rewards(folder: Path, store: Path, micro_batch_tokens: int = 8192) -> RewardScores:
    asked = given(PROMPTS)
    inputs = {"prompts": asked, "completions": replied(asked, ANSWERS), "model": step(opened, Folder(folder=folder))}
    result: RewardScores = made(
        step(reward, Config(), inputs), Runtime(store=store, device="cpu", micro_batch_tokens=micro_batch_tokens)
    )
    return result


def in_order(scores: RewardScores) -> list[Reward]:
    """Return them by prompt and sample; the replies come in another order."""
    return sorted(scores, key=lambda one: (one.prompt_id, one.sample))


@pytest.mark.parametrize("architecture", ["gemma2", "llama"])
def test_rewards_are_those_of_each_conversation_alone(architecture: str, encoder: Encoder, tmp_path: Path) -> None:
    model = build(architecture, encoder, tmp_path / "model")
    found = in_order(rewards(tmp_path / "model", tmp_path / "store"))
    assert [(one.prompt_id, one.sample) for one in found] == [
        (f"p{n}", sample) for n in (1, 2, 3) for sample in range(3)
    ]
    turns = [[*prompt.messages, Message("assistant", text)] for prompt in PROMPTS for text in ANSWERS[prompt.id]]
    with torch.no_grad():
        slow = [
            float(model(input_ids=torch.tensor([encoder.conversation(one).ids[-POSITIONS:]])).logits[0, 0])
            for one in turns
        ]
    assert [one.score for one in found] == pytest.approx(slow, abs=1e-5)
    assert len({round(score, 4) for score in slow}) > 5
    small = in_order(rewards(tmp_path / "model", tmp_path / "other", 64))
    assert [one.score for one in small] == pytest.approx(slow, abs=1e-5)


def test_what_does_not_fit_is_counted(encoder: Encoder, tmp_path: Path) -> None:
    build("llama", encoder, tmp_path / "model")
    made_of = rewards(tmp_path / "model", tmp_path / "store")
    turns = [[*prompt.messages, Message("assistant", text)] for prompt in PROMPTS for text in ANSWERS[prompt.id]]
    assert made_of.summary["truncated"] == sum(len(encoder.conversation(one).ids) > POSITIONS for one in turns)
    assert made_of.summary["rewards"] == 9
    assert isinstance(next(iter(made_of)), Reward)


def test_another_kind_of_model_is_refused(folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"is no reward model: its config\.json says Gemma2ForCausalLM"):
        rewards(folder, tmp_path / "store")
    build("llama", encoder, tmp_path / "model", labels=2)
    with pytest.raises(Exception, match="is no reward model"):
        rewards(tmp_path / "model", tmp_path / "store")


def test_padding_may_be_the_token_that_ends_a_turn(encoder: Encoder, tmp_path: Path) -> None:
    """The class's own pooling looks for the last token that is not padding; here the last one is."""
    model = build("llama", encoder, tmp_path / "model")
    before = list(rewards(tmp_path / "model", tmp_path / "store"))
    model.config.pad_token_id = encoder.stop_ids[-1]
    model.save_pretrained(tmp_path / "model")
    assert [one.score for one in rewards(tmp_path / "model", tmp_path / "again")] == [one.score for one in before]
