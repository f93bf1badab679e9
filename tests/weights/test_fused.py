"""The fused LoRA layer computes what PEFT's layer computes, values and gradients, and is used where it may be."""

from typing import Any

import pytest
import torch
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from zhiyin.weights.fused import FusedLinear, fuse


def model(*, fused: bool, bias: bool = False, **options: Any) -> Any:
    """Return a small Llama with LoRA whose every matrix is random, the same each time."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    base: PreTrainedModel = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=60, attention_bias=bias))  # type: ignore[arg-type]
    config = LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", task_type="CAUSAL_LM", **options)
    if fused:
        fuse(config, base)
    torch.manual_seed(1)
    wrapped = get_peft_model(base, config)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in sorted(wrapped.named_parameters()):
            if "lora_" in name or "bias" in name:
                parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.1)
    return wrapped


def values(network: nn.Module) -> tuple[Tensor, dict[str, Tensor]]:
    """Return logits, and the gradient of every trained weight under a random weighting of them."""
    network.train()
    torch.manual_seed(3)
    logits = network(input_ids=torch.arange(30).view(2, 15)).logits
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    grads = torch.autograd.grad((logits * weights).sum(), list(trained.values()))
    return logits.detach(), dict(zip(trained, grads, strict=True))


def layers(network: nn.Module) -> list[FusedLinear]:
    return [module for module in network.modules() if isinstance(module, FusedLinear)]


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "biases in the base": {"bias": True},
    "rsLoRA": {"use_rslora": True},
    "dropout": {"lora_dropout": 0.3},
    "DoRA": {"use_dora": True},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_values_and_gradients_equal_those_of_peft(name: str) -> None:
    fused, plain = model(fused=True, **OPTIONS[name]), model(fused=False, **OPTIONS[name])
    assert len(layers(fused)) == 14
    assert not layers(plain)
    (found, grads), (expected, wanted) = values(fused), values(plain)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)
    assert grads.keys() == wanted.keys()
    for key, grad in grads.items():
        assert (grad - wanted[key]).norm() <= 1e-5 * wanted[key].norm(), key


@pytest.mark.parametrize(("name", "used"), [("plain", True), ("rsLoRA", True), ("dropout", False), ("DoRA", False)])
def test_what_is_not_plain_is_left_to_peft(name: str, used: bool) -> None:
    network = model(fused=True, **OPTIONS[name]).train()
    assert {layer._plain(torch.zeros(1, 32)) is not None for layer in layers(network)} == {used}


def test_a_layer_without_dropout_now_is_plain() -> None:
    network = model(fused=True, lora_dropout=0.3).eval()
    assert all(layer._plain(torch.zeros(1, 32)) for layer in layers(network))


def test_switched_off_and_merged_are_the_base_and_the_sum() -> None:
    network, ids = model(fused=True).eval(), torch.arange(12).view(1, 12)
    with torch.no_grad():
        whole = network(input_ids=ids).logits
        with network.disable_adapter():
            base = network(input_ids=ids).logits
        merged = network.merge_and_unload()(input_ids=ids).logits
    assert (whole - base).abs().max() > 0.1
    torch.testing.assert_close(merged, whole, atol=1e-4, rtol=1e-4)


def test_bfloat16_weights_under_autocast_err_as_much_as_in_peft() -> None:
    exact, true = values(model(fused=False))
    errors = {}
    for fused in (True, False):
        network = model(fused=fused)
        for name, parameter in network.named_parameters():
            if "lora_" not in name:
                parameter.data = parameter.data.bfloat16()
        with torch.autocast("cpu", torch.bfloat16):
            found, grads = values(network)
        assert {grad.dtype for grad in grads.values()} == {torch.float32}
        apart = torch.cat([(grads[key] - true[key]).flatten() for key in true])
        errors[fused] = float((found - exact).norm() / exact.norm()), float(apart.norm())
    assert errors[False][0] > 0
    assert errors[True][0] <= 1.5 * errors[False][0]
    assert errors[True][1] <= 1.5 * errors[False][1]


def test_only_a_plain_lora_on_a_plain_model_is_fused() -> None:
    base = model(fused=False).get_base_model()
    adaptive = AdaLoraConfig(total_step=10)
    fuse(adaptive, base)
    assert getattr(adaptive, "_custom_modules", None) is None
    quantised = LoraConfig()
    base.is_quantized = True
    fuse(quantised, base)
    assert quantised._custom_modules is None
