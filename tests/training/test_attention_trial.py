"""The trial finds an attention that is wrong in its values, its gradients, its window, or that mixes up neighbours."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from tests.training.test_layout import model, pairs
from torch import Tensor

from zhiyin.training import attention, attention_segments
from zhiyin.training.attention import Scoring
from zhiyin.training.attention_trial import Trial
from zhiyin.training.segments import Segment

RIGHT = attention_segments.attend
UNCOMPILED = "ignore:flex_attention called without torch.compile:UserWarning"


class _Wrong(torch.autograd.Function):
    """Leaves its input as it is, and changes the gradient."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return states.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return grads[0] * ctx.factor, None


def wrong_slope(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Return right values; the gradient of the keys is 10 % too large."""
    wrong: Tensor = _Wrong.apply(key, 1.1)  # type: ignore[no-untyped-call]
    return RIGHT(query, wrong, value, segments, scoring)


def no_slope(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Return right values; keys get no gradient."""
    return RIGHT(query, key.detach(), value, segments, scoring)


def prompt_without_slope(
    query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring
) -> Tensor:
    """Return right values; of those who share a beginning, only the first gives it a gradient."""
    first = segments[0].end
    heads = [torch.cat([one[:, :, :first].detach(), one[:, :, first:]], 2) for one in (key, value)]
    return RIGHT(query, heads[0], heads[1], segments, scoring)


def wide(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """See one position more than the window has."""
    window = scoring.window + 1 if scoring.window else None
    return RIGHT(query, key, value, segments, Scoring(scoring.scale, scoring.softcap, window))


def blurred(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Mix a little of the neighbouring number into each."""
    out = RIGHT(query, key, value, segments, scoring)
    return out + 0.01 * out.roll(1, -1)


def together(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Let the row as a whole disturb each token, by less than rounding."""
    return RIGHT(query, key, value, segments, scoring) + value.sum() * 1e-8


def broken(query: Tensor, key: Tensor, value: Tensor, segments: Sequence[Segment], scoring: Scoring) -> Tensor:
    """Fail as a compiler may."""
    raise OSError("no compiler\nand a page of details")


WRONG: dict[str, tuple[Callable[..., Tensor], str]] = {
    "wrong_slope": (wrong_slope, "gradients differ by"),
    "no_slope": (no_slope, "gradients differ by"),
    "prompt_without_slope": (prompt_without_slope, "gradients differ by"),
    "blurred": (blurred, "log-probabilities differ by"),
    "together": (together, "a sequence feels its neighbour"),
    "broken": (broken, "its code does not take a packed row: OSError no compiler"),
}


@pytest.mark.parametrize("kind", ["gemma2", "llama"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_model_is_found_out(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, reason = WRONG[name]
    trial = _trial(kind)
    with monkeypatch.context() as patch:
        patch.setattr(attention_segments, "attend", compute)
        found = trial.wrong("segments")
    assert found.startswith(reason)
    assert "\n" not in found
    assert trial.wrong("segments") == ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", ["gemma2", "llama"])
def test_a_wrong_kernel_is_found_out_before_the_model_runs(
    kind: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = _trial(kind, dtype)
    for compute in (wrong_slope, no_slope, prompt_without_slope):
        monkeypatch.setattr("zhiyin.training.attention_flex.attend", compute)
        with attention.counted() as calls:
            assert trial.wrong("flex").startswith("attention differs by")
        assert not calls
    monkeypatch.setattr("zhiyin.training.attention_flex.attend", RIGHT)
    assert trial.wrong("flex") == ""


def test_a_window_longer_than_what_is_tried_is_tried_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhiyin.training.attention_flex.attend", wide)
    assert _trial("gemma2", sliding_window=4096).wrong("flex").startswith("attention with a window of 24 differs by")
    assert _trial("llama").wrong("flex") == ""
    monkeypatch.setattr("zhiyin.training.attention_flex.attend", RIGHT)
    assert _trial("gemma2", sliding_window=4096).wrong("flex") == ""


@pytest.mark.filterwarnings(UNCOMPILED)
def test_that_flex_has_no_gradient_on_a_cpu_is_found_out() -> None:
    assert "NotImplementedError" in _trial("gemma2").wrong("flex")


@pytest.mark.parametrize("kind", ["gemma2", "llama"])
def test_rounding_of_half_precision_is_not_taken_for_a_mistake(kind: str) -> None:
    assert _trial(kind, torch.bfloat16).wrong("segments") == ""
    with torch.autocast("cpu", torch.bfloat16):
        mixed = _trial(kind)
        assert mixed.wrong("segments") == ""
        assert mixed._dtype() == torch.bfloat16
    assert mixed._dtype() == torch.float32


def test_a_lack_of_memory_says_nothing_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(attention_segments, "attend", full)
    with pytest.raises(torch.OutOfMemoryError):
        _trial("llama").wrong("segments")


def test_the_trial_leaves_no_trace() -> None:
    trial = _trial("llama")
    before = torch.random.get_rng_state()
    trial.wrong("segments")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in trial.model.parameters())
    embeddings: Any = trial.model.get_input_embeddings()
    assert not embeddings._forward_hooks


def _trial(kind: str, dtype: torch.dtype = torch.float32, **changes: Any) -> Trial:
    attention.register()
    network: Any = model(kind, **changes)
    return Trial(network.to(dtype=dtype), pairs(), pad_id=0)
