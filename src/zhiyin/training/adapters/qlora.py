"""Low-rank adaptation of a quantised base (Dettmers et al. 2023, arXiv 2305.14314), through PEFT and bitsandbytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zhiyin.training.adapters import LowRankProduct
from zhiyin.weights.quantised import Quantization, bits, load_options

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Qlora(LowRankProduct):
    """As `lora`, on frozen weights kept in 4 or 8 bits: a quarter of the memory, or half, of bfloat16.

    The result is an ordinary adapter of the unquantised checkpoint: answers and a merge use its full weights. It was
    trained against the rounded ones, so measure what the difference costs: score the adapter before and after.
    """

    quantization: Quantization = "nf4"
    """`nf4`: blocks of 64 weights share a scale, and each takes one of 16 levels, spaced as a normal distribution is
    (section 3 of the paper). `int8`: each row shares a scale (LLM.int8, arXiv 2208.07339)."""
    double_quantization: bool = True
    """Of nf4: keep the scales themselves in 8 bits, 0.37 bits a weight less."""

    def load_options(self, dtype: str) -> dict[str, Any]:
        """Ask for the quantised weights; products are computed in `dtype`."""
        return load_options(self.quantization, double=self.double_quantization, dtype=dtype)

    def summary(self, model: PreTrainedModel) -> dict[str, Any]:
        """Add the bits that a weight of the quantised layers takes."""
        return {**super().summary(model), "bits_per_weight": round(bits(model), 3)}
