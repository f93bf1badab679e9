"""Trained tokens without the copy compute what PEFT's layer computes, values and gradients, tied and not."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.trainable_tokens import TrainableTokensLayer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from zhiyin.training.vocabulary import target_logprobs
from zhiyin.weights.tokens import FusedTokens, fuse_tokens

IDS = [3, 7, 11]


def model(kind: str, *, fused: bool, tied: bool) -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, **sizes, num_key_value_heads=2, head_dim=16, vocab_size=60, tie_word_embeddings=tied, pad_token_id=0
    )
    base: Any = AutoModelForCausalLM.from_config(config)
    options = LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices=IDS, task_type="CAUSAL_LM")
    network: Any = get_peft_model(base, options)
    if fused:
        fuse_tokens(network)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in sorted(network.named_parameters()):
            if "trainable_tokens" in name or "lora_B" in name:
                parameter.add_(torch.randn(parameter.shape, generator=draw))
    return network.train()


def layers(network: nn.Module) -> list[TrainableTokensLayer]:
    return [module for module in network.modules() if isinstance(module, TrainableTokensLayer)]


def values(network: nn.Module) -> tuple[Tensor, list[Tensor]]:
    logits = network(input_ids=torch.tensor([[2, 3, 5, 7, 7, 20], [11, 3, 0, 59, 4, 2]])).logits
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
    trained = [parameter for _, parameter in sorted(network.named_parameters()) if parameter.requires_grad]
    return logits.detach(), list(torch.autograd.grad((logits * weights).sum(), trained))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["llama", "gemma2", "gemma3_text"])
def test_values_and_gradients_equal_those_of_peft(kind: str, tied: bool) -> None:
    fused, plain = model(kind, fused=True, tied=tied), model(kind, fused=False, tied=tied)
    assert all(type(layer) is FusedTokens for layer in layers(fused))
    assert len(layers(fused)) == len(layers(plain)) == (2 if tied else 1)
    (found, grads), (expected, wanted) = values(fused), values(plain)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert all((grad - want).norm() <= 1e-5 * want.norm() for grad, want in zip(grads, wanted, strict=True))


def test_switched_off_the_frozen_rows_are_back() -> None:
    fused, plain = model("llama", fused=True, tied=True), model("llama", fused=False, tied=True)
    ids = torch.tensor([[2, 3, 7]])
    with fused.disable_adapter(), plain.disable_adapter():
        torch.testing.assert_close(fused(input_ids=ids).logits, plain(input_ids=ids).logits)
    assert not torch.equal(
        fused(input_ids=ids).logits, fused.get_base_model()(input_ids=torch.tensor([[2, 4, 8]])).logits
    )


def test_a_token_that_pads_is_left_to_peft() -> None:
    network = model("llama", fused=True, tied=False)
    found: Any = layers(network)[0]
    assert found._rows() is not None
    found.get_base_layer().padding_idx = IDS[0]
    assert found._rows() is None


@pytest.mark.parametrize("tied", [True, False])
def test_nothing_as_large_as_the_matrix_is_made(tied: bool) -> None:
    """The matrix has 60 x 32 numbers; nothing of that shape is made, forward or backward."""
    network = model("llama", fused=True, tied=tied)
    frozen = {parameter.data_ptr() for parameter in network.parameters() if not parameter.requires_grad}
    made: list[Tensor] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor) and out.shape == (60, 32) and out.data_ptr() not in frozen:
                made.append(out)
            return out

    with Watch():  # type: ignore[no-untyped-call]
        values(network)
    assert made == []


def test_the_head_is_projected_in_chunks_without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model("llama", fused=True, tied=True)
    head = network.get_output_embeddings()
    hidden = torch.randn(9, 32)
    target = torch.tensor([3, 7, 11, 0, 59, 4, 2, 3, 8])
    expected = torch.log_softmax(head(hidden), -1)[torch.arange(9), target]
    monkeypatch.setattr("zhiyin.training.vocabulary.CHUNK_BYTES", {"cpu": 4 * 60 * 2})
    monkeypatch.setattr(TrainableTokensLayer, "get_merged_weights", None)
    torch.testing.assert_close(target_logprobs(hidden, head, None, target, torch.arange(9)), expected)
