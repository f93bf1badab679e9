"""Normalisation and gated MLP in one piece each: fewer passes over memory, and half of what the MLP kept.

An instance of a class that computes what is written here, which is tried and not believed, becomes one of a subclass
with another `forward`; its weights, names and files stay. Everything else is left as it is.

Axes: T tokens, H hidden size, F width of the MLP.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zhiyin.weights.fused import FusedLinear, Weights, pulled, pushed

Activation = Callable[[Tensor], Tensor]


def fuse_blocks(model: nn.Module) -> None:
    """Give every block of the model that can be computed in one piece the class that does so."""
    kinds: dict[type[nn.Module], type[nn.Module] | None] = {}
    for module in model.modules():
        kind = type(module)
        if kind not in kinds:
            kinds[kind] = _fused_kind(module)
        module.__class__ = kinds[kind] or kind


def _fused_kind(module: nn.Module) -> type[nn.Module] | None:
    """Return the class for modules like this one, None where the trial finds that it is another computation."""
    if isinstance(module, FusedNorm | FusedMLP):
        return None
    own = type(module)
    bodies: list[tuple[type[nn.Module], dict[str, float], nn.Module]] = []
    if norm := _norm_of_size(module, 8):
        bodies = [(FusedNorm, {"shift": shift}, norm) for shift in (0.0, 1.0)]
    elif mlp := _mlp_of_size(module, 8):
        bodies = [(FusedMLP, {}, mlp)]
    for body, values, small in bodies:
        kind: type[nn.Module] = type(f"Fused{own.__name__}", (body, own), values)
        if _same(small, kind):
            return kind
    return None


def _norm_of_size(module: nn.Module, size: int) -> nn.Module | None:
    """Return a small module of the class, None if it has other parts than an RMS normalisation has."""
    if [name for name, _ in module.named_parameters()] != ["weight"] or list(module.children()) or _eps(module) is None:
        return None
    small = copy.copy(module)
    small._parameters = {"weight": nn.Parameter(torch.linspace(-1, 2, size), requires_grad=False)}
    return small


def _mlp_of_size(module: nn.Module, size: int) -> nn.Module | None:
    """Return a small module of the class, None if it has other parts than a gated MLP has."""
    if {name for name, _ in module.named_children()} != {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        return None
    small = copy.copy(module)
    draw = torch.Generator().manual_seed(0)
    small._modules = {"act_fn": module._modules["act_fn"]}
    for name in ("gate_proj", "up_proj", "down_proj"):
        layer = nn.Linear(size, size, bias=False, device="cpu", dtype=torch.float32)
        layer.weight = nn.Parameter(torch.randn(size, size, generator=draw), requires_grad=False)
        small._modules[name] = layer
    return small


def _same(small: nn.Module, kind: type[nn.Module]) -> bool:
    """Return whether a small module computes the same as one of this class, values and gradients."""
    draw = torch.Generator().manual_seed(1)
    x, slope = (torch.randn(2, 5, 8, generator=draw) for _ in range(2))
    other = copy.copy(small)
    other.__class__ = kind
    found = []
    for module in (small, other):
        leaf = x.clone().requires_grad_()
        try:
            with torch.enable_grad():
                out = module(leaf)
            found.append((out.detach(), *torch.autograd.grad(out, leaf, slope)))
        except Exception:  # Whatever a class of somebody else needs that this one has not: it stays what it is.
            return False
    return all(torch.allclose(one, two, rtol=1e-5, atol=1e-5) for one, two in zip(*found, strict=True))


def _eps(module: nn.Module) -> float | None:
    """Return what an RMS normalisation adds to the mean square."""
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    return eps if isinstance(eps, float) else None


class FusedNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps), times the frozen weight plus `shift`: 1 in Gemma, 0 elsewhere."""

    weight: nn.Parameter
    shift: float

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised [..., H]; in half precision the own class does, and only the way back is ours."""
        if self.weight.requires_grad:
            own: Tensor = super().forward(x)
            return own
        half = not x.dtype == self.weight.dtype == torch.float32
        forward = super().forward if half else None
        normalised: Tensor = _Normalise.apply(x, self.weight.float() + self.shift, _eps(self), forward)  # type: ignore[no-untyped-call]
        return normalised


class _Normalise(torch.autograd.Function):
    """y = r w x with r = 1 / sqrt(mean(x^2) + eps), of which x and r are kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_H: Tensor, eps: float, forward: Activation | None) -> Tensor:
        square: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).square_()
        r = square.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight_H, r)
        return (x * r).mul_(weight_H) if forward is None else forward(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight_H, r = ctx.saved_tensors
        slope, wide = grads[0] * weight_H, x.float()
        along = torch.linalg.vecdot(slope, wide).unsqueeze(-1).mul_(r.pow(3)).div_(-x.shape[-1])
        return (wide * along).addcmul_(slope, r).to(x.dtype), None, None, None


class FusedMLP(nn.Module):
    """down(act(gate(x)) * up(x)), of which only the outputs of gate and up are kept for the backward pass."""

    gate_proj: nn.Module
    up_proj: nn.Module
    down_proj: nn.Module
    act_fn: Activation

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., H] from [..., H]."""
        gate, up = self.gate_proj(x), self.up_proj(x)
        weights = self.down_proj.plain(gate) if isinstance(self.down_proj, FusedLinear) else None
        if weights is None:
            product: Tensor = _Gate.apply(gate, up, self.act_fn)  # type: ignore[no-untyped-call]
            out: Tensor = self.down_proj(product)
            return out
        with torch.autocast(gate.device.type, enabled=False):
            fused: Tensor = _GateDown.apply(gate, up, self.act_fn, *weights)  # type: ignore[no-untyped-call]
        return fused


class _Gate(torch.autograd.Function):
    """y = act(gate) * up."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, act: Activation) -> Tensor:
        ctx.save_for_backward(gate, up)
        ctx.act = act
        return act(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gate, up = ctx.saved_tensors
        leaf, active = _active(gate, ctx.act)
        grad_up = grads[0] * active.detach()
        return _grad_gate(leaf, active, grads[0] * up), grad_up, None


class _GateDown(torch.autograd.Function):
    """y = (W + B A) (act(gate) * up)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, act: Activation, *weights: Any) -> Tensor:
        gate_TF, up_TF = gate.reshape(-1, gate.shape[-1]), up.reshape(-1, up.shape[-1])
        known: Weights = weights
        y_TH, ax_RT = pushed(act(gate_TF).mul_(up_TF), known)
        weight_HF, _, a_RF, b_HR = known
        ctx.save_for_backward(gate_TF, up_TF, weight_HF, a_RF, b_HR, ax_RT)
        ctx.act, ctx.shape = act, gate.shape
        return y_TH.view(*gate.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gate_TF, up_TF, weight_HF, a_RF, b_HR, ax_RT = ctx.saved_tensors
        grad_TH = grads[0].reshape(-1, grads[0].shape[-1])
        pulled_RT = b_HR.to(grad_TH.dtype).t() @ grad_TH.t()
        grad_b = (ax_RT @ grad_TH).t().to(b_HR.dtype)
        leaf, active = _active(gate_TF, ctx.act)
        product_TF = active.detach() * up_TF
        grad_a = (pulled_RT @ product_TF).to(a_RF.dtype)
        grad_TF = pulled(grad_TH, pulled_RT, weight_HF, a_RF)
        grad_up = torch.mul(grad_TF, active.detach(), out=product_TF)
        grad_gate = _grad_gate(leaf, active, grad_TF.mul_(up_TF))
        return grad_gate.view(ctx.shape), grad_up.view(ctx.shape), None, None, None, grad_a, grad_b


def _active(gate: Tensor, act: Activation) -> tuple[Tensor, Tensor]:
    """Compute the activation again, and return it with the tensor its gradient is taken of."""
    leaf = gate.detach().requires_grad_()
    with torch.enable_grad():
        return leaf, act(leaf)


def _grad_gate(leaf: Tensor, active: Tensor, slope: Tensor) -> Tensor:
    (grad,) = torch.autograd.grad(active, leaf, slope)
    return grad
