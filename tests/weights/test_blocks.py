"""Norms and gated MLPs in one piece compute what the model's own classes compute, and only those are replaced."""

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from zhiyin.weights.blocks import FusedMLP, FusedNorm, fuse_blocks
from zhiyin.weights.fused import fuse

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 60}
NORMS = {"llama": 5, "mistral": 5, "qwen2": 5, "qwen3": 9, "gemma2": 9, "gemma3_text": 13}
"""RMS normalisations of two layers and of what follows them, for each architecture."""


def model(kind: str, *, fused: bool, lora: bool = False, **options: Any) -> Any:
    """Return a small model whose every weight is random, the same each time."""
    extra: dict[str, Any] = {"num_key_value_heads": 2} if kind in NORMS else {}
    if kind.startswith("gemma") or kind == "qwen3":
        extra["head_dim"] = 16
    torch.manual_seed(0)
    network: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **extra, **options))
    if fused:
        fuse_blocks(network)
    if lora:
        config = LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", task_type="CAUSAL_LM")
        fuse(config, network)
        torch.manual_seed(1)
        network = get_peft_model(network, config)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _, parameter in sorted(network.named_parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.1)
    return network.eval()


def values(network: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """Return logits, and the gradients of the embedded tokens and of every trained weight."""
    ids = torch.arange(30).view(2, 15)
    with torch.no_grad():
        embedded = network.get_input_embeddings()(ids)  # type: ignore[operator]
    embedded.requires_grad_()
    logits = network(inputs_embeds=embedded).logits
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(4))
    trained = [w for name, w in sorted(network.named_parameters()) if w.requires_grad and "embed" not in name]
    grads = torch.autograd.grad((logits * weights).sum(), [embedded, *trained])
    return logits.detach(), list(grads)


def fused_parts(network: nn.Module) -> tuple[int, int]:
    kinds = [type(module) for module in network.modules()]
    return sum(issubclass(kind, FusedNorm) for kind in kinds), sum(issubclass(kind, FusedMLP) for kind in kinds)


def assert_same(fused: nn.Module, plain: nn.Module) -> None:
    (found, grads), (expected, wanted) = values(fused), values(plain)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)
    for grad, want in zip(grads, wanted, strict=True):
        assert (grad - want).norm() <= 1e-5 * want.norm()


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("how", ["frozen", "LoRA", "all trained"])
def test_values_and_gradients_equal_those_of_the_own_classes(kind: str, how: str) -> None:
    fused, plain = (model(kind, fused=fused, lora=how == "LoRA") for fused in (True, False))
    if how == "frozen":
        fused.requires_grad_(False)
        plain.requires_grad_(False)
    assert fused_parts(fused) == (NORMS[kind], 2)
    assert fused_parts(plain) == (0, 0)
    assert_same(fused, plain)


@pytest.mark.parametrize("act", ["silu", "gelu_pytorch_tanh", "gelu", "relu"])
def test_any_activation(act: str) -> None:
    fused, plain = (model("llama", fused=fused, lora=True, hidden_act=act) for fused in (True, False))
    assert_same(fused, plain)


@pytest.mark.parametrize("kind", ["gpt_neox", "gpt2", "bloom", "phi3"])
def test_other_blocks_stay_what_they_are(kind: str) -> None:
    options: dict[str, Any] = {"pad_token_id": 0} if kind == "phi3" else {}
    network = model(kind, fused=True, **options)
    assert fused_parts(network) == ((5, 0) if kind == "phi3" else (0, 0))
    assert_same(network, model(kind, fused=False, **options))


def test_a_class_of_the_same_parts_that_computes_otherwise_stays() -> None:
    class Centred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.eps = nn.Parameter(torch.ones(8)), 1e-6

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.layer_norm(x, (8,), self.weight, eps=self.eps)

    class Summed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate_proj, self.up_proj, self.down_proj = (nn.Linear(8, 8) for _ in range(3))
            self.act_fn = nn.SiLU()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.down_proj(self.act_fn(self.gate_proj(x)) + self.up_proj(x))
            return out

    network = nn.Sequential(Centred(), Summed())
    fuse_blocks(network)
    assert [type(module) for module in network] == [Centred, Summed]


@pytest.mark.parametrize("kind", ["gemma2", "llama"])
def test_in_bfloat16_values_are_those_of_the_class_and_gradients_no_worse(kind: str) -> None:
    fused, plain, exact = (model(kind, fused=fused) for fused in (True, False, False))
    draw = torch.Generator().manual_seed(5)
    norms = [[m for m in one.modules() if type(m).__name__.endswith("RMSNorm")] for one in (fused, plain, exact)]
    assert len(norms[0]) == NORMS[kind]
    for one, two, three in zip(*norms, strict=True):
        x, slope = (torch.randn(7, 32, generator=draw).bfloat16() for _ in range(2))
        outs, grads = [], []
        for norm, dtype in (
            (one.bfloat16(), torch.bfloat16),
            (two.bfloat16(), torch.bfloat16),
            (three.double(), torch.float64),
        ):
            norm.weight.requires_grad_(False)
            leaf = x.to(dtype).requires_grad_()
            outs.append(norm(leaf))
            grads.append(torch.autograd.grad(outs[-1], leaf, slope.to(dtype))[0].double())
        assert torch.equal(outs[0], outs[1])
        assert (grads[0] - grads[2]).norm() <= 1.05 * (grads[1] - grads[2]).norm() + 1e-9


def test_in_bfloat16_a_norm_keeps_its_input_and_a_number_a_place() -> None:
    def kept(network: nn.Module) -> int:
        norm: Any = next(m for m in network.modules() if type(m).__name__.endswith("RMSNorm"))
        norm.bfloat16().weight.requires_grad_(False)
        sizes: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            assert norm(torch.randn(50, 32, dtype=torch.bfloat16, requires_grad=True)).requires_grad
        return sum(sizes.values())

    assert kept(model("gemma2", fused=True)) == 50 * 32 * 2 + 50 * 4 + 32 * 4
    assert kept(model("gemma2", fused=False)) > 2 * 50 * 32 * 2


def test_names_and_copies_are_those_of_the_model() -> None:
    fused, plain = model("gemma2", fused=True), model("gemma2", fused=False)
    assert fused.state_dict().keys() == plain.state_dict().keys()
    assert isinstance(fused.model.norm, type(plain.model.norm))
    twin = copy.deepcopy(fused)
    with torch.no_grad():
        fused.model.layers[0].mlp.up_proj.weight.zero_()
        fused.model.norm.weight.zero_()
    assert_same(twin, plain)
    kinds = [type(module) for module in fused.modules()]
    fuse_blocks(fused)
    assert [type(module) for module in fused.modules()] == kinds


def test_an_mlp_keeps_its_gate_and_its_other_half_alone() -> None:
    """Four tensors of the MLP's width are kept by the own class, two by the fused one."""

    def kept(network: nn.Module) -> int:
        wide: set[int] = set()

        def pack(tensor: Tensor) -> Tensor:
            if tensor.shape[-1] == SIZES["intermediate_size"] and tensor.numel() == 30 * SIZES["intermediate_size"]:
                wide.add(tensor.data_ptr())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = network(input_ids=torch.arange(30).view(2, 15)).logits
        assert out.requires_grad
        return len(wide)

    assert kept(model("llama", fused=True, lora=True)) == 2 * SIZES["num_hidden_layers"]
    assert kept(model("llama", fused=False, lora=True)) == 4 * SIZES["num_hidden_layers"]
