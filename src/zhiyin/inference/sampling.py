"""How tokens are drawn: greedily, or from a stream of random numbers that belongs to one question alone."""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """What ends and steers generation."""

    max_new_tokens: int = 256
    """Tokens, the stop token among them."""
    temperature: float = 0.0
    """0 takes the likeliest token every time."""
    top_p: float = 1.0
    """Draw among the likeliest tokens that together hold this much probability."""
    seed: int = 0

    @property
    def greedy(self) -> bool:
        """Tell whether nothing is drawn."""
        return self.temperature == 0.0

    def uniforms(self, stream: str) -> tuple[float, ...]:
        """Return one number in [0, 1) for every token of an answer, by seed and name of the stream alone.

        So an answer does not depend on what else is in its batch, nor on the device.
        """
        source = random.Random(f"{self.seed}/{stream}")
        return tuple(source.random() for _ in range(self.max_new_tokens))


def draw(logits_BV: "Tensor", uniforms_B: "Tensor", sampling: Sampling) -> "Tensor":
    """Draw one token id for each row [B] by inverting its cumulative distribution at `uniforms_B` (float64).

    Nucleus sampling as Holtzman et al. 2020 (arXiv:1904.09751), section 3.1: the smallest set of likeliest tokens
    whose probabilities reach `top_p`, renormalised. Equal probabilities are ordered by token id.
    """
    # float64, or the sum over a large vocabulary drifts; Apple's GPUs have none.
    exact_BV = (logits_BV.cpu() if logits_BV.device.type == "mps" else logits_BV).double()
    sorted_BV, ids_BV = (exact_BV / sampling.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
    reached_BV = sorted_BV.cumsum(-1)
    last_B1 = ((reached_BV - sorted_BV) < sampling.top_p).sum(-1, keepdim=True) - 1
    aim_B1 = uniforms_B.to(exact_BV.device).unsqueeze(-1) * reached_BV.gather(-1, last_B1)
    place_B1 = (reached_BV <= aim_B1).sum(-1, keepdim=True).minimum(last_B1)
    return ids_BV.gather(-1, place_B1).squeeze(-1).to(logits_BV.device)
