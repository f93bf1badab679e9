"""Frozen weights in 4 or 8 bits, by bitsandbytes: how they are asked for, made sound, and counted.

Every linear layer but the output layer is quantised while the checkpoint is read, the same way each time.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

Quantization = Literal["nf4", "int8"]

BLOCK = 64
"""4-bit weights that share a scale, along a row."""


def load_options(quantization: Quantization, *, double: bool, dtype: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained`; products are computed in `dtype`, a torch dtype by name.

    `double` quantises the scales of nf4 too. Raises `ValueError` when bitsandbytes is not installed.
    """
    if find_spec("bitsandbytes") is None:
        raise ValueError(
            f"a base in {quantization} needs the package bitsandbytes, which is not installed: "
            "pip install 'zhiyin[quantised]' brings it"
        )
    import torch
    from transformers import BitsAndBytesConfig

    if quantization == "int8":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )
    return {"quantization_config": config}


def make_sound(model: "nn.Module") -> None:
    """Let quantised layers compute the same in evaluation as in training; on the CPU bitsandbytes 0.50 does not.

    In evaluation, where the processor multiplies bfloat16 (AVX-512), it repacks 4-bit weights in place for a product in
    bfloat16: less exact, impossible for some shapes, and no right gradient once training goes on. Of 8-bit layers it
    then rounds the activations too. Training multiplies by the dequantised weights, and here so does evaluation.
    Raises `ValueError` where its dequantisation is wrong: by AVX-512, of rows that do not end where a block does.
    """
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    for name, layer in model.named_modules():
        on_cpu = isinstance(layer, Linear4bit | Linear8bitLt) and layer.weight.device.type == "cpu"
        if isinstance(layer, Linear4bit):
            if on_cpu and layer.in_features % BLOCK:
                raise ValueError(
                    f"{name} has {layer.in_features} inputs; on the CPU, bitsandbytes computes 4-bit layers rightly "
                    f"only where that is a multiple of {BLOCK}; choose quantization int8, or the adapter lora"
                )
            layer.support_avx512bf16_for_cpu = False
        elif on_cpu:
            layer.register_forward_pre_hook(_as_in_training)


def _as_in_training(layer: "nn.Module", arguments: tuple[Any, ...]) -> None:
    layer.training = True


def bits(model: "nn.Module") -> float:
    """Return how many bits a weight of the quantised layers takes, scales and tables included; 0 without any."""
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    stored = weights = 0
    for layer in model.modules():
        if isinstance(layer, Linear4bit | Linear8bitLt):
            weights += layer.in_features * layer.out_features
            stored += sum(tensor.numel() * tensor.element_size() for tensor in _tensors(layer))
    return 8 * stored / max(weights, 1)


def _tensors(layer: Any) -> list[Any]:
    """Return every tensor that holds the weights of a quantised layer."""
    if (state := getattr(layer.weight, "quant_state", None)) is None:
        scales = layer.weight.SCB if layer.weight.SCB is not None else layer.state.SCB
        return [layer.weight.data, scales]
    tensors = [layer.weight.data, state.absmax, state.code]
    return [*tensors, state.offset, state.state2.absmax, state.state2.code] if state.nested else tensors
