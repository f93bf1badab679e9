"""Each back-end on a GPU: the values and gradients of a dense softmax, and of whole models with their own attention."""

from typing import Any

import pytest
import torch
from tests.training.rows import SCORINGS, SHAPES, dense, states
from tests.training.test_layout import model, pairs
from torch import Tensor

from zhiyin.training import attention, attention_flex
from zhiyin.training.attention import Scoring, Unfit
from zhiyin.training.attention_trial import Trial
from zhiyin.training.batches import pack
from zhiyin.training.layout import choose
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.segments import Segment

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

ROUNDING = {torch.float32: 2e-3, torch.bfloat16: 2e-2}
"""Relative to the norm; float32 products may be rounded to TF32."""
LONG = [Segment(0, 700), Segment(700, 1500, ((0, 700),)), Segment(1500, 1901, ((0, 700),)), Segment(1901, 3000)]
LARGE = {"hidden_size": 256, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2}


def offered(backend: str, dtype: torch.dtype, scoring: Scoring) -> bool:
    """Return whether the back-end promises this at all."""
    return backend != "varlen" or (dtype == torch.bfloat16 and not scoring.softcap)


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("shape", ["neighbours", "tree", "long"])
@pytest.mark.parametrize("backend", attention.BACKENDS)
def test_values_and_gradients_are_those_of_a_dense_softmax(
    backend: str, shape: str, scoring: str, size: int, dtype: torch.dtype
) -> None:
    segments, how = {**SHAPES, "long": LONG}[shape], SCORINGS[scoring]
    how = Scoring(how.scale * (8 / size) ** 0.5, how.softcap, how.window)
    drawn = [state.cuda() for state in states(segments, (4, 2), size, dtype)]
    if not offered(backend, dtype, how):
        with pytest.raises(Unfit):
            attention.compute(backend)(drawn[0], drawn[1], drawn[2], segments, how)
        return
    results = []
    for name in (backend, "dense"):
        query, key, value = (
            state.detach().to(dtype if name == backend else torch.float32).requires_grad_() for state in drawn
        )
        compute = dense if name == "dense" else attention.compute(name)
        out: Tensor = compute(query, key, value, segments, how)
        weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(5)).to(out)
        results.append([out, *torch.autograd.grad(out, (query, key, value), weight)])
    for one, two in zip(*results, strict=True):
        assert float((one.float() - two).norm() / two.norm()) < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize("kind", ["gemma2", "llama"])
@pytest.mark.parametrize("backend", attention.BACKENDS)
def test_a_model_computes_what_it_computes_with_its_own_attention(backend: str, kind: str, dtype: torch.dtype) -> None:
    attention.register()
    head = {"head_dim": 64} if kind == "gemma2" else {}
    network: Any = model(kind, **LARGE, **head)
    network.to("cuda", dtype)
    wrong = Trial(network, pairs(), pad_id=0).wrong(backend)
    refused = not offered(backend, dtype, Scoring(1.0, 50.0 if kind == "gemma2" else None))
    assert wrong.startswith("flash attention") if refused else wrong == ""


@pytest.mark.parametrize("kind", ["gemma2", "llama"])
def test_the_fastest_that_passes_is_taken(kind: str) -> None:
    network: Any = model(kind, **LARGE, **({"head_dim": 64} if kind == "gemma2" else {}))
    network.to("cuda", torch.bfloat16)
    layout = choose(network, pairs(), tokens=500, pad_id=0)
    assert layout.backend == ("flex" if kind == "gemma2" else "varlen")
    assert layout.told.startswith(f"packed, shared beginnings, {layout.backend}")


def test_rows_of_many_lengths_are_not_compiled_each_anew() -> None:
    network: Any = model("gemma2", **LARGE, head_dim=64)
    network.to("cuda", torch.bfloat16)
    assert choose(network, pairs(), tokens=500, pad_id=0, backends=["flex"]).packed
    torch._dynamo.utils.counters.clear()
    sequences = [side for example in pairs(20) for side in example.sequences]
    for count in range(4, 40, 3):
        token_logprobs(network, pack(sequences[:count]).to(network.device)).values_N.sum().backward()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 4
    assert attention_flex._blocks.cache_info().maxsize == 4
