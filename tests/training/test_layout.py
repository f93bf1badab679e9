"""A model is packed when the trial shows that it may be, and its own attention is kept, with the reason, when not."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from tests.training.house import House
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.execution.catalog import make
from zhiyin.training import attention
from zhiyin.training.adapters import Method
from zhiyin.training.attention_trial import Trial
from zhiyin.training.batches import pad
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout, choose
from zhiyin.training.logprobs import token_logprobs

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
MODELS: dict[str, dict[str, Any]] = {
    "gemma2": {**SIZES, "num_key_value_heads": 1, "head_dim": 16, "sliding_window": 8},
    "gemma3_text": {**SIZES, "num_key_value_heads": 1, "head_dim": 16, "sliding_window": 8},
    "llama": {**SIZES, "num_key_value_heads": 1},
    "qwen2": {**SIZES, "num_key_value_heads": 1},
    "qwen3": {**SIZES, "num_key_value_heads": 1, "head_dim": 16},
    "mistral": {**SIZES, "num_key_value_heads": 1, "sliding_window": 8},
    "gpt_neox": {**SIZES, "hidden_dropout": 0.0},
}


def model(kind: str, **changes: Any) -> PreTrainedModel:
    """Return a small model of random weights."""
    config = AutoConfig.for_model(kind, **{"vocab_size": 300, "pad_token_id": 0, **MODELS.get(kind, {}), **changes})
    torch.manual_seed(0)
    network: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    network.eval()
    return network


def pairs(count: int = 5) -> list[Example]:
    """Return pairs of answers to prompts of 20 tokens and more."""
    draw = torch.Generator().manual_seed(1)
    found = []
    for number in range(count):
        prompt, *answers = (
            torch.randint(5, 300, (length,), generator=draw).tolist() for length in (20 + number, 9 + number, 17)
        )
        sides = [Encoded(prompt + one, [False] * len(prompt) + [True] * len(one)) for one in answers]
        found.append(Example(str(number), tuple(sides)))
    return found


def sums(network: PreTrainedModel, layout: Layout, examples: Sequence[Example]) -> dict[str, list[float]]:
    """Return the log-probabilities of the sequences of every example."""
    found = {}
    for batch, group in layout.batches(examples):
        parts = token_logprobs(network, batch).sums().detach().view(len(group), -1)
        found.update({one.id: part.tolist() for one, part in zip(group, parts, strict=True)})
    return found


@pytest.mark.parametrize("kind", MODELS)
def test_a_packed_model_computes_what_it_computes_padded(kind: str) -> None:
    network, examples = model(kind), pairs()
    batch = pad([side for example in examples for side in example.sequences], pad_id=0)
    expected = token_logprobs(network, batch).sums().view(len(examples), 2)
    layout = choose(network, examples, tokens=100, pad_id=0)
    assert layout.told == "packed, shared beginnings, segments"
    assert network.config._attn_implementation == attention.NAME
    found = sums(network, layout, examples)
    for example, wanted in zip(examples, expected.tolist(), strict=True):
        assert found[example.id] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("name", ["bloom", "gpt2"])
def test_a_model_that_cannot_be_packed_keeps_its_attention(name: str) -> None:
    sizes: dict[str, dict[str, Any]] = {
        "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2, "hidden_dropout": 0.0, "attention_dropout": 0.0},
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0},
    }
    network = model(name, **sizes[name])
    layout = choose(network, pairs(), tokens=100, pad_id=0)
    if name == "gpt2":
        assert layout.packed
        return
    assert not layout.packed
    assert "does not" in layout.told
    assert network.config._attn_implementation == "eager"
    assert len(sums(network, layout, pairs())) == 5


def test_a_faster_attention_that_does_not_pass_is_refused_and_the_next_is_tried() -> None:
    network = model("llama")
    layout = choose(network, pairs(), tokens=100, pad_id=0, backends=["varlen", "segments"])
    assert layout.told == "packed, shared beginnings, segments (not varlen: flash attention needs a GPU)"
    assert network.config._attn_implementation == "zhiyin_segments"
    assert layout.backend == "segments"
    none = choose(model("llama"), pairs(), tokens=100, pad_id=0, backends=["varlen"])
    assert none.told == "padded (flash attention needs a GPU)"


def test_what_is_wrong_with_every_attention_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {"varlen": "no soft-cap", "flex": "bad", "segments": "bad"}
    monkeypatch.setattr(Trial, "wrong", lambda self, backend: reasons[backend])
    chosen = choose(model("llama"), pairs(), tokens=100, pad_id=0, backends=attention.BACKENDS)
    assert chosen.told == "padded (not varlen: no soft-cap; not flex, segments: bad)"
    reasons["varlen"] = "bad"
    assert choose(model("llama"), pairs(), tokens=100, pad_id=0, backends=attention.BACKENDS).why == "bad"
    reasons["flex"] = ""
    told = choose(model("llama"), pairs(), tokens=100, pad_id=0, share=False, backends=attention.BACKENDS).told
    assert told == "packed, flex (dropout is drawn anew for each token; not varlen: bad)"


def test_what_is_tried_where() -> None:
    assert attention.ON_DEVICE == {"cuda": ("varlen", "flex", "segments")}


def test_a_wrong_attention_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = attention.attend

    def blurred(*args: Any, **kwargs: Any) -> Any:
        out, _ = right(*args, **kwargs)
        return out * 1.05, None

    monkeypatch.setattr(attention, "attend", blurred)
    network = model("llama")
    layout = choose(network, pairs(), tokens=100, pad_id=0)
    monkeypatch.undo()
    attention.register()
    assert "log-probabilities differ" in layout.told


def test_attention_dropout_is_padded_and_dropout_is_not_shared() -> None:
    assert choose(model("llama", attention_dropout=0.1), pairs(), tokens=100, pad_id=0).told.startswith("padded (")
    layout = choose(model("llama"), pairs(), tokens=100, pad_id=0, share=make(Method, "lora").random)
    assert (layout.packed, layout.share) == (True, False)
    assert make(Method, {"name": "lora", "dropout": 0.1}).random


@pytest.mark.parametrize("packed", [True, False])
def test_micro_batches_hold_the_budget_and_every_example(packed: bool) -> None:
    lengths = (3, 50, 8, 9, 30, 4)
    examples = [Example(str(i), (Encoded([i + 1] * n, [True] * n),)) for i, n in enumerate(lengths)]
    layout = Layout(40, 0, packed=packed)
    batches = layout.batches(examples)
    assert sorted(one.id for _, group in batches for one in group) == ["0", "1", "2", "3", "4", "5"]
    for batch, group in batches:
        assert batch.input_ids_BT.numel() <= 40 or len(group) == 1
        assert batch.num_sequences == len(group)
    assert len(batches) < len(examples)


def test_equal_beginnings_come_into_one_micro_batch() -> None:
    beginnings = [[1] * 30, [2] * 30]
    examples = [
        Example(str(n), (Encoded([*beginnings[n % 2], 5 + n, 6], [False] * 30 + [True] * 2),)) for n in range(8)
    ]
    batches = Layout(65, 0).batches(examples)
    # A beginning of 30 tokens, and of each sequence the one token more that predicts.
    assert [[int(one.id) % 2 for one in group] for _, group in batches] == [[0, 0, 0, 0, 1], [1, 1, 1]]
    assert [batch.tokens for batch, _ in batches] == [30 + 4 + 30 + 1, 30 + 3]
    apart = Layout(65, 0, share=False).batches(examples)
    assert sum(batch.tokens for batch, _ in batches) < sum(batch.tokens for batch, _ in apart)


def test_the_small_models_of_the_tests_are_packed(house: House, network: PreTrainedModel) -> None:
    assert choose(network, pairs(), tokens=100, pad_id=0).packed


def test_short_sequences_of_one_length_stay_in_rows() -> None:
    blocks = [Example(str(n), (Encoded([n + 1] * 40, [False] + [True] * 39),)) for n in range(60)]
    last = Example("last", (Encoded([5] * 9, [False] + [True] * 8),))
    network = model("llama")
    layout = choose(network, [*blocks, last], tokens=400, pad_id=0)
    assert layout.told == "padded (all are short and of one length)"
    assert network.config._attn_implementation == "eager"
    assert choose(network, [*blocks[:5], last], tokens=400, pad_id=0).packed
    long = [Example(str(n), (Encoded([n + 1] * 300, [False] + [True] * 299),)) for n in range(9)]
    assert choose(model("llama"), long, tokens=900, pad_id=0).packed
