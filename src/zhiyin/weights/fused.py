"""LoRA's addition to a linear layer in one piece: the same sums as PEFT's layer, with fewer passes over memory.

Three things are spared. The addition goes into the layer's output as a matrix product that accumulates, not as three
passes over it. The backward pass makes one input gradient, not two to be added. And each product with a matrix of a
few columns is laid so that the short side comes first: on a CPU that alone is up to seven times faster.

Axes: T tokens, I inputs, O outputs, R rank.
"""

from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from peft.tuners.lora import Linear
from torch import Tensor, nn
from transformers import PreTrainedModel


def fuse(config: PeftConfig, model: PreTrainedModel) -> None:
    """Have PEFT put `FusedLinear` on plain linear layers; a quantised model keeps the layers PEFT has for it."""
    if type(config) is LoraConfig and not getattr(model, "is_quantized", False):
        config._register_custom_module({nn.Linear: FusedLinear})


class FusedLinear(Linear):
    """PEFT's LoRA layer on `nn.Linear`, computed in one piece where it is plain; weights and files are PEFT's."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return the layer's output with the addition, [..., O] from [..., I]; anything unusual is left to PEFT."""
        name = self._plain(x)
        if name is None or args or kwargs:
            out: Tensor = super().forward(x, *args, **kwargs)
            return out
        base, kind = self.get_base_layer(), x.device.type
        if torch.is_autocast_enabled(kind):
            x = x.to(torch.get_autocast_dtype(kind))
        a, b = self.lora_A[name].weight, self.lora_B[name].weight
        with torch.autocast(kind, enabled=False):
            fused: Tensor = _Fused.apply(x, base.weight, base.bias, a, b * self.scaling[name])  # type: ignore[no-untyped-call]
        return fused

    def _plain(self, x: Tensor) -> str | None:
        """Return the adapter's name where the layer is exactly W x + b + s B A x with W and b frozen."""
        base, names = self.get_base_layer(), self.active_adapters
        if self.disable_adapters or self.merged or len(names) != 1 or names[0] not in self.lora_A:
            return None
        name: str = names[0]
        dropped = self.training and not isinstance(self.lora_dropout[name], nn.Identity)
        trained = base.weight.requires_grad or self.lora_B[name].bias is not None
        special = name in self.lora_variant or type(base) is not nn.Linear or self.fan_in_fan_out
        return None if dropped or trained or special or not x.is_floating_point() else name


class _Fused(torch.autograd.Function):
    """y = W x + bias + B A x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_OI: Tensor, bias_O: Tensor | None, a_RI: Tensor, b_OR: Tensor) -> Tensor:
        x_TI = x.reshape(-1, x.shape[-1])
        weight = weight_OI.to(x.dtype)
        y_TO = x_TI @ weight.t() if bias_O is None else torch.addmm(bias_O.to(x.dtype), x_TI, weight.t())
        ax_RT = a_RI.to(x.dtype) @ x_TI.t()
        y_TO.addmm_(ax_RT.t(), b_OR.to(x.dtype).t())
        ctx.save_for_backward(x_TI, weight_OI, a_RI, b_OR, ax_RT)
        ctx.shape = x.shape
        return y_TO.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x_TI, weight_OI, a_RI, b_OR, ax_RT = ctx.saved_tensors
        (grad,) = grads
        grad_TO = grad.reshape(-1, grad.shape[-1])
        pulled_RT = b_OR.to(grad.dtype).t() @ grad_TO.t()
        grad_b = (ax_RT @ grad_TO).t().to(b_OR.dtype)
        grad_a = (pulled_RT @ x_TI).to(a_RI.dtype)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_TO @ weight_OI.to(grad.dtype)
            grad_x.addmm_(pulled_RT.t(), a_RI.to(grad.dtype))
            grad_x = grad_x.view(ctx.shape)
        return grad_x, None, None, grad_a, grad_b
