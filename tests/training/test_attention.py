"""A back-end is called by the name that transformers knows, with the numbers of the model, in one type."""

from typing import Any

import pytest
import torch
from tests.training.rows import SHAPES, states
from torch import Tensor, nn
from transformers import AttentionInterface

from zhiyin.training import attention, attention_segments
from zhiyin.training.attention import Scoring


def test_every_backend_is_found_and_registered() -> None:
    attention.register()
    assert attention.BACKENDS == ("varlen", "flex", "segments")
    for backend in attention.BACKENDS:
        assert callable(attention.compute(backend))
        assert attention.registered(backend) in AttentionInterface().valid_keys()
    assert attention.registered("segments") == attention.NAME


@pytest.mark.parametrize("backend", attention.BACKENDS)
def test_what_transformers_says_reaches_the_backend(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []

    def noted(query: Tensor, key: Tensor, value: Tensor, segments: Any, scoring: Scoring) -> Tensor:
        said.extend((segments, scoring))
        return query.transpose(1, 2)

    monkeypatch.setattr(f"zhiyin.training.attention_{backend}.attend", noted)
    attention.register()
    segments = SHAPES["pair"]
    query, key, value = states(segments)
    called = AttentionInterface()[attention.registered(backend)]
    with attention.counted() as calls:
        called(nn.Identity(), query, key, value, None, segments=segments, scaling=0.5, softcap=9.0, sliding_window=3)
        called(nn.Identity(), query, key, value, None, segments=segments, dropout=0.0, other="ignored")
    assert said == [segments, Scoring(0.5, 9.0, 3), segments, Scoring(8**-0.5)]
    assert calls == [58, 58]
    with pytest.raises(ValueError, match="set attention_dropout to 0"):
        called(nn.Identity(), query, key, value, None, segments=segments, dropout=0.1)


def test_queries_wider_than_values_are_attended_in_the_type_of_the_values() -> None:
    """As autocast leaves them: rotary embeddings are float32."""
    segments = SHAPES["pair"]
    query, key, value = (state.requires_grad_() for state in states(segments))
    out, _ = attention.attend(nn.Identity(), query, key, value.bfloat16(), None, segments=segments)
    assert out.dtype == torch.bfloat16
    out.sum().backward()
    narrow = [state.detach().bfloat16() for state in (query, key, value)]
    expected = attention_segments.attend(narrow[0], narrow[1], narrow[2], segments, Scoring(8**-0.5))
    torch.testing.assert_close(out, expected, rtol=0, atol=0)
    assert query.grad is not None
    assert query.grad.dtype == torch.float32
