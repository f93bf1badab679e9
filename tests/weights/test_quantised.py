"""Quantised weights: the levels and scales of the papers, what they cost in memory, and one forward for all modes."""

from importlib.machinery import ModuleSpec
from statistics import NormalDist
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zhiyin.weights import quantised
from zhiyin.weights.quantised import BLOCK

# Appendix E of arXiv 2305.14314.
NF4 = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635),
    *(-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725),
    *(0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
SCALES = 256
"""Scales of blocks that share a scale where they are quantised too."""


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def four_bits(weight: Tensor, *, double: bool, dtype: torch.dtype = torch.float32) -> nn.Linear:
    """Return a 4-bit layer made sound."""
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    layer = Linear4bit(weight.shape[1], weight.shape[0], bias=False, compute_dtype=dtype)
    stored: Any = Params4bit(weight.clone(), quant_type="nf4", compress_statistics=double, module=layer)
    layer.weight = stored.to("cpu")
    quantised.make_sound(layer)
    return layer


def eight_bits(weight: Tensor) -> nn.Linear:
    """Return an 8-bit layer made sound."""
    from bitsandbytes.nn.modules import Int8Params, Linear8bitLt

    layer = Linear8bitLt(weight.shape[1], weight.shape[0], bias=False, has_fp16_weights=False, threshold=6.0)
    stored: Any = Int8Params(weight.clone(), requires_grad=False)
    layer.weight = stored.to("cpu")
    quantised.make_sound(layer)
    return layer


def nearest(values: Tensor, levels: Tensor) -> Tensor:
    """Return the level nearest to each value."""
    return levels[(values[:, None] - levels).abs().argmin(1)]


def nf4_by_hand(weight: Tensor) -> Tensor:
    """Quantise and dequantise, slowly: each block by its largest value, each weight to the nearest level."""
    levels = torch.tensor(NF4)
    blocks = []
    for block in weight.flatten().split(BLOCK):
        scale = block.abs().max()
        blocks.append(nearest(block / scale, levels) * scale)
    return torch.cat(blocks).view_as(weight)


def int8_by_hand(weight: Tensor) -> Tensor:
    """Quantise and dequantise, slowly: each row by its largest value, in float16 as the paper has it."""
    half = weight.half().float()
    scale = half.abs().amax(1, keepdim=True)
    return (half * 127 / scale).round() * scale / 127


def test_the_levels_are_those_of_the_paper() -> None:
    """Quantiles of a normal distribution, eight on one side and seven on the other, with a zero between (section 3)."""
    normal, last = NormalDist(), 0.5 * ((1 - 1 / 30) + (1 - 1 / 32))
    upper = [normal.inv_cdf(last + (0.5 - last) * step / 8) for step in range(8)]
    lower = [-normal.inv_cdf(last + (0.5 - last) * step / 7) for step in range(7)]
    derived = torch.tensor(sorted([*upper, 0.0, *lower])) / max(upper)
    torch.testing.assert_close(derived, torch.tensor(NF4), rtol=0, atol=1e-5)
    # Multiples of 1/1000 from -1 to 1 in one block: each level is met.
    weight = torch.linspace(-1, 1, 2048).view(32, 64)
    weight[:, 0] = 1
    found = four_bits(weight, double=False)(torch.eye(64)).T
    assert torch.equal(found.unique(), torch.tensor(NF4))


@pytest.mark.parametrize("shape", [(128, 64), (24, 192), (7, 320)])
def test_nf4_computes_with_each_weight_at_the_nearest_level(shape: tuple[int, int]) -> None:
    weight, x = random(*shape), random(5, shape[1])
    expected = nf4_by_hand(weight)
    assert (expected - weight).abs().max() > 0.1
    torch.testing.assert_close(four_bits(weight, double=False)(x), x @ expected.T, rtol=1e-6, atol=1e-5)


def test_int8_computes_with_each_weight_at_the_nearest_of_255_steps_of_its_row() -> None:
    weight, x = random(48, 32), random(5, 32)
    expected = int8_by_hand(weight)
    assert 1e-3 < (expected - weight).abs().max() < 2e-2
    torch.testing.assert_close(eight_bits(weight)(x), x @ expected.T, rtol=1e-6, atol=1e-5)


def test_double_quantisation_keeps_the_scales_in_eight_bits() -> None:
    from bitsandbytes.functional import dequantize_4bit

    weight, x = random(128, 256), random(5, 256)
    layer: Any = four_bits(weight, double=True)
    state = layer.weight.quant_state
    assert state.absmax.dtype == torch.uint8
    scales = torch.cat(
        [
            state.state2.code[codes.long()] * state.state2.absmax[number]
            for number, codes in enumerate(state.absmax.split(SCALES))
        ]
    )
    scales = scales + state.offset
    exact = weight.view(-1, BLOCK).abs().amax(1)
    assert 0 < (scales - exact).abs().max() < 0.1
    # Levels are chosen by the exact scales, before these are rounded.
    levels = nf4_by_hand(weight).view(-1, BLOCK) / exact[:, None]
    expected = (levels * scales[:, None]).view_as(weight)
    torch.testing.assert_close(dequantize_4bit(layer.weight.data, state), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(layer(x), x @ expected.T, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "scales"),
    [
        (lambda weight: four_bits(weight, double=False), 4 + 32 / BLOCK),
        (lambda weight: four_bits(weight, double=True), 4 + 8 / BLOCK + 32 / (BLOCK * SCALES)),
        (eight_bits, 8 + 32 / 512),
    ],
)
def test_a_weight_takes_the_bits_that_the_paper_counts(layer: object, scales: float) -> None:
    """4.5 and 4.127 bits (section 3); a layer of 512 by 512 adds tables of at most 1092 bytes."""
    assert callable(layer)
    one = layer(random(512, 512))
    assert 0 <= quantised.bits(nn.Sequential(one, nn.Linear(8, 8))) - scales <= 8 * 1092 / 512**2
    one(random(2, 512))
    assert 0 <= quantised.bits(one) - scales <= 8 * 1092 / 512**2


@pytest.mark.parametrize("layer", [lambda weight: four_bits(weight, double=True), eight_bits])
def test_evaluation_computes_what_training_does_and_training_can_go_on_after_it(layer: object) -> None:
    """bitsandbytes alone changes the product, or fails on the shape, and gives no gradient afterwards."""
    assert callable(layer)
    for shape in ((128, 64), (48, 64)):
        one, x = layer(random(*shape)), random(5, shape[1])
        trained = one.train()(x)
        with torch.no_grad():
            assert torch.equal(one.eval()(x), trained)
        x.requires_grad_()
        again = one.train()(x)
        assert torch.equal(again, trained)
        again.sum().backward()
        weight = layer(random(*shape))(torch.eye(shape[1])).T
        assert x.grad is not None
        torch.testing.assert_close(x.grad, weight.sum(0).expand_as(x), rtol=1e-5, atol=1e-4)


def test_rows_that_bitsandbytes_gets_wrong_on_the_cpu_are_refused() -> None:
    """Its AVX-512 code takes the scale of another block where a row ends inside one."""
    with pytest.raises(ValueError, match=r"has 96 inputs; .* multiple of 64; choose quantization int8"):
        four_bits(random(16, 96), double=False)


def test_products_are_computed_in_the_type_asked_for() -> None:
    options = quantised.load_options("nf4", double=True, dtype="bfloat16")["quantization_config"]
    assert options.bnb_4bit_compute_dtype == torch.bfloat16
    assert options.bnb_4bit_use_double_quant
    plain = quantised.load_options("nf4", double=False, dtype="float32")["quantization_config"]
    assert not plain.bnb_4bit_use_double_quant
    assert not plain.load_in_8bit
    assert quantised.load_options("int8", double=True, dtype="float32")["quantization_config"].load_in_8bit
    weight, x = random(64, 64), random(5, 64)
    rounded = four_bits(weight, double=False, dtype=torch.bfloat16)(x)
    assert torch.equal(rounded, (x.bfloat16() @ nf4_by_hand(weight).bfloat16().T).float())


def test_without_bitsandbytes_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> ModuleSpec | None:
        assert name == "bitsandbytes"
        return None

    monkeypatch.setattr(quantised, "find_spec", absent)
    with pytest.raises(ValueError, match=r"needs the package bitsandbytes.*pip install 'zhiyin\[quantised\]'"):
        quantised.load_options("nf4", double=True, dtype="float32")
