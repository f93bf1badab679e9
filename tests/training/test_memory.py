"""What a rehearsal without contents counts is, to the byte, what the real model takes."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from zhiyin.execution.catalog import make
from zhiyin.training import attention, memory
from zhiyin.training.adapters import Method
from zhiyin.training.batches import pack
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.memory import Meter, Rehearsal, Row, Trace
from zhiyin.weights.blocks import fuse_blocks

# PEFT sees GPT-2's transposed layers by itself, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")

SIZES = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
MORE = {**SIZES, "num_key_value_heads": 1, "head_dim": 16, "sliding_window": 8, "bos_token_id": 1, "eos_token_id": 2}
SHAPES: dict[str, dict[str, Any]] = {
    "gemma2": {"model_type": "gemma2", **MORE, "num_hidden_layers": 6},
    "llama": {"model_type": "llama", **MORE, "num_hidden_layers": 5},
    "qwen2": {"model_type": "qwen2", **MORE, "num_hidden_layers": 5},
    "mistral": {"model_type": "mistral", **MORE, "num_hidden_layers": 5},
    "gpt2": {"model_type": "gpt2", "vocab_size": 300, "n_embd": 32, "n_head": 2, "n_layer": 5},
}
METHODS: dict[str, Any] = {"lora": {"name": "lora", "rank": 4}, "adalora": "adalora", "full": "full"}
ROW = Row(tokens=96, length=24, supervised=0.5)


@pytest.fixture(autouse=True)
def short_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences here are short, so rows of them have many parts."""
    monkeypatch.setattr(memory, "REHEARSED", (48, 96))


def whole(shape: dict[str, Any], method: Any, *, real: bool) -> nn.Module:
    """Return the whole model wrapped for training, its weights real or without contents."""
    attention.register()
    values = dict(shape)
    config: PreTrainedConfig = AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.device("cpu" if real else "meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention.NAME)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    fuse_blocks(model)
    wrapped: nn.Module = make(Method, method).wrap(model, control_ids=(0,), steps=1000).train()
    if not real:
        memory.empty(wrapped)
    return wrapped


@pytest.mark.parametrize(("method", "accumulates"), [*((name, True) for name in METHODS), ("full", False)])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_rehearsal_takes_and_gives_what_the_real_model_does(shape: str, method: str, accumulates: bool) -> None:
    real, fake = (
        memory.trace(whole(SHAPES[shape], METHODS[method], real=real), ROW, nullcontext(), accumulates=accumulates)
        for real in (True, False)
    )
    assert fake.moments(float) == real.moments(float)
    assert fake.moments(float)[2] > 1e5


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("method", ["lora", "full"])
def test_shallow_models_and_short_rows_give_the_whole(shape: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines through what was rehearsed meet the pass of the whole model at its own length."""
    monkeypatch.setattr(memory, "REHEARSED", (48, 96))
    rehearsal = Rehearsal(SHAPES[shape], make(Method, METHODS[method]), "float32")
    assert max(rehearsal.depths) < rehearsal.layers
    row = Row(tokens=240, length=24, supervised=0.5)
    straight = memory.trace(whole(SHAPES[shape], METHODS[method], real=False), row, nullcontext())
    found = rehearsal.parts(row, "cuda")
    kept, head, peak = straight.moments(float)
    assert found.activations + found.vocabulary == pytest.approx(peak, rel=0.02)
    assert found.vocabulary == pytest.approx(head - kept, rel=0.05)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("shape", list(SHAPES))
def test_weights_are_counted_as_they_are(shape: str, method: str) -> None:
    rehearsal = Rehearsal(SHAPES[shape], make(Method, METHODS[method]), "float32")
    weights = list(whole(SHAPES[shape], METHODS[method], real=True).parameters())
    counts = rehearsal.counts()
    assert counts.all == sum(weight.numel() for weight in weights)
    assert counts.trained == sum(weight.numel() for weight in weights if weight.requires_grad)
    parts = rehearsal.parts(ROW, "cpu")
    assert parts.optimiser == 12 * counts.trained  # a gradient and two averages, 4 bytes each
    assert (parts.adapter == 0) == (method == "full")


def test_a_smaller_type_halves_the_frozen_weights_alone() -> None:
    single, half = (
        Rehearsal(SHAPES["llama"], make(Method, "lora"), dtype).parts(ROW, "cuda") for dtype in ("float32", "bfloat16")
    )
    assert half.weights == pytest.approx(single.weights / 2, rel=0.01)
    assert half.adapter == single.adapter
    assert 0.4 < half.activations / single.activations < 0.95


def test_gradients_that_are_there_already_count_beside_the_activations() -> None:
    rehearsal = Rehearsal(SHAPES["llama"], make(Method, "full"), "float32")
    several, one = (rehearsal.parts(ROW, "cuda", accumulates=accumulates) for accumulates in (True, False))
    gradients = 4 * rehearsal.counts().trained
    assert 0.2 * gradients < several.total - one.total <= 1.1 * gradients
    assert several.optimiser == one.optimiser
    model = whole(SHAPES["llama"], "full", real=False)
    left = [sum(memory.trace(model, ROW, nullcontext(), accumulates=each).sizes) for each in (True, False)]
    assert left[1] - left[0] == gradients  # they come with the first pass, and stay


def test_activations_computed_again_are_not_kept() -> None:
    kept, again = (
        Rehearsal(SHAPES["llama"], make(Method, "lora"), "float32", checkpointing=checkpointing)
        for checkpointing in (False, True)
    )
    assert again.parts(ROW, "cuda").activations < 0.5 * kept.parts(ROW, "cuda").activations
    assert again.counts() == kept.counts()


def test_quantised_weights_are_counted_in_bits() -> None:
    frozen = Rehearsal(SHAPES["llama"], make(Method, "lora"), "float32")
    weights = {
        name: Rehearsal(SHAPES["llama"], make(Method, {"name": "qlora", "quantization": name}), "float32")
        .parts(ROW, "cuda")
        .weights
        for name in ("nf4", "int8")
    }
    linear = 5 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48)
    kept = frozen.parts(ROW, "cuda").weights - 4 * linear
    assert weights["nf4"] == pytest.approx(kept + linear * 4.127 / 8, abs=1000)
    assert weights["int8"] == pytest.approx(kept + linear * 8.03 / 8, abs=1000)


def test_a_storage_is_noted_once_and_when_it_goes() -> None:
    known = torch.zeros(3)
    meter = Meter([known])
    with meter:
        taken = torch.ones(4)
        view = taken[1:].view(3)
        known.add_(view)
        del taken
        assert meter.sizes == [16]
        del view
    assert meter.sizes == [16, -16]


def test_the_moments_of_a_trace() -> None:
    traced = Trace([100, 50, -50, 30, 40, -40, 20, -100], body=3, head=6)
    assert traced.moments(float) == (100, 170, 170)
    # small ones cost double
    assert traced.moments(lambda size: size if size >= 100 else 2 * size) == (100, 240, 240)
    assert Trace([10, 90, -90, 20], body=1, head=1).moments(float) == (10, 10, 100)


def test_only_large_tensors_of_the_cpu_have_pages_of_their_own() -> None:
    half = memory.MAPPED // 2
    assert [memory._small(2, size) for size in (half, half - 1)] == [0, half - 1]
    assert [memory._large(2, size) for size in (half, half - 1)] == [half, 0]


def test_on_the_cpu_small_tensors_cost_more_and_stay() -> None:
    """With every tensor small, the working memory is that of a GPU times the factor; with every one large, the same."""
    rehearsal = Rehearsal(SHAPES["llama"], make(Method, "lora"), "float32")
    exact, small = (rehearsal.parts(ROW, device) for device in ("cuda", "cpu"))
    wanted = memory.SCATTERED * (exact.activations + exact.vocabulary)
    assert small.activations + small.vocabulary == pytest.approx(wanted, rel=1e-3)


def test_a_large_model_is_rehearsed_without_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gemma-2-9B: its figures are known, and none of its 37 GB is touched."""
    monkeypatch.undo()
    shape = {
        "model_type": "gemma2",
        "vocab_size": 256000,
        "hidden_size": 3584,
        "intermediate_size": 14336,
        "num_hidden_layers": 42,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
    }
    rehearsal = Rehearsal(shape, make(Method, {"name": "lora", "rank": 8}), "bfloat16")
    counts = rehearsal.counts()
    assert counts.all - counts.trained == 9_241_705_984
    assert counts.trained == 27_009_024
    parts = rehearsal.parts(Row(8192, 1024), "cuda")
    assert parts.weights == pytest.approx(2 * 9_241_705_984, rel=0.001)
    assert 4e6 < parts.activations / 8192 < 7e6  # bytes a token; 7 MB with fused norms, by ../shared/spec/training.md


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["lora", "full"])
def test_on_a_gpu_the_estimate_is_within_a_fifth(method: str) -> None:
    shape = {**SHAPES["llama"], "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 12}
    shape |= {"vocab_size": 32000, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 64}
    row = Row(4096, 512, 0.5)
    model = whole(shape, METHODS[method], real=True).to("cuda")
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    batch = pack(memory._sequences(row), share=False).to(torch.device("cuda"))
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        for _ in range(2):
            token_logprobs(model, batch).values_N.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    parts = Rehearsal(shape, make(Method, METHODS[method]), "float32").parts(row, "cuda")
    assert parts.total - parts.fixed == pytest.approx(torch.cuda.max_memory_allocated(), rel=0.2)
