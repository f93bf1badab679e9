"""Streaming the vocabulary gives the log-probabilities and gradients of full logits."""

import pytest
import torch
from torch import Tensor, nn

from zhiyin.training import vocabulary
from zhiyin.training.vocabulary import target_logprobs

PLACES, HIDDEN, VOCABULARY, TARGETS = 23, 12, 101, 31


def slow(hidden_PH: Tensor, head: nn.Module, softcap: float | None, target_N: Tensor, place_N: Tensor) -> Tensor:
    """The whole matrix of logits, and its log-softmax."""
    logits = head(hidden_PH)
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    values: Tensor = torch.log_softmax(logits, -1)[place_N, target_N]
    return values


def inputs(scale: float = 4.0) -> tuple[Tensor, nn.Linear, Tensor, Tensor]:
    """Hidden states large enough that a soft-cap bites; several targets stand at one place, some at none."""
    torch.manual_seed(0)
    head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
    hidden = (torch.randn(PLACES, HIDDEN) * scale).requires_grad_()
    return hidden, head, torch.randint(VOCABULARY, (TARGETS,)), torch.randint(PLACES, (TARGETS,))


@pytest.mark.parametrize("softcap", [None, 5.0, 30.0, 100.0])
@pytest.mark.parametrize("blocks", ["one", "many"])
@pytest.mark.parametrize("trained", [False, True])
def test_values_and_gradients_equal_the_slow_twin(
    softcap: float | None, blocks: str, trained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocks == "many":
        monkeypatch.setattr(vocabulary, "BLOCK_BYTES", {"cpu": 4 * 7 * 10})
        monkeypatch.setattr(vocabulary, "CHUNK_BYTES", {"cpu": 4 * VOCABULARY * 5})
        monkeypatch.setattr(vocabulary, "PLACES", 10)
    hidden, head, target, place = inputs(scale=40.0 if softcap == 100.0 else 4.0)
    head.requires_grad_(trained)
    wanted_from = [hidden, head.weight] if trained else [hidden]
    weights = torch.randn(TARGETS)
    expected = slow(hidden, head, softcap, target, place)
    wanted = torch.autograd.grad((expected * weights).sum(), wanted_from)
    found = target_logprobs(hidden, head, softcap, target, place)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for mine, other in zip(torch.autograd.grad((found * weights).sum(), wanted_from), wanted, strict=True):
        assert (mine - other).norm() <= 1e-5 * other.norm()


def test_large_logits_do_not_overflow() -> None:
    hidden, head, target, place = inputs(scale=1000.0)
    head.requires_grad_(False)
    found = target_logprobs(hidden, head, None, target, place)
    assert found.isfinite().all()
    torch.testing.assert_close(found, slow(hidden, head, None, target, place), atol=1e-3, rtol=1e-5)


def test_a_head_that_is_more_than_a_matrix_is_run_as_it_is() -> None:
    hidden, _, target, place = inputs()
    head = nn.Linear(HIDDEN, VOCABULARY, bias=True).requires_grad_(False)
    expected = slow(hidden, head, None, target, place)
    torch.testing.assert_close(target_logprobs(hidden, head, None, target, place), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("trained", [False, True])
def test_no_gradients_are_prepared_where_none_are_asked_for(trained: bool) -> None:
    hidden, head, target, place = inputs()
    head.requires_grad_(trained)
    with torch.no_grad():
        found = target_logprobs(hidden, head, 30.0, target, place)
    assert not found.requires_grad
    torch.testing.assert_close(found, slow(hidden, head, 30.0, target, place).detach(), atol=1e-5, rtol=1e-5)
