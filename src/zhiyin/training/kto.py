"""The loss of Kahneman-Tversky Optimization (Ethayarajh et al. 2024, arXiv 2402.01306): single answers, good or bad.

It is no objective of a recipe: its reference point is a mean over the answers of a whole optimiser step, each given to
another prompt, while an objective sees one micro-batch at a time. Axes: S sequences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def kto_loss(
    ratios_S: Tensor,
    desirable_S: Tensor,
    reference_point: Tensor,
    *,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Tensor:
    """Return the loss of each answer [S] of section 4.1 of the paper: its weight less its value.

    `ratios_S` are log-ratios of whole answers, log pi(y|x) - log pi_ref(y|x), in nats; `desirable_S` is true for good
    ones. `reference_point` (the paper's z_0) estimates KL(pi || pi_ref): the mean log-ratio of answers given to other
    prompts over the whole optimiser step, no less than 0; no gradient flows through it. The value is weight *
    sigma(beta * (r - z_0)) of a good answer with log-ratio r, and weight * sigma(beta * (z_0 - r)) of a bad one. Raises
    `ValueError` for a negative reference point.
    """
    point = reference_point.detach()
    if bool((point < 0).any()):
        raise ValueError(f"the reference point of KTO is {point.item():g}; it must be clamped at 0")
    sign_S = 2 * desirable_S.to(ratios_S.dtype) - 1
    weight_S = desirable_weight * desirable_S + undesirable_weight * ~desirable_S
    # 1 - sigma(x) is written as sigma(-x), which keeps its digits where x is large.
    return weight_S * (-beta * sign_S * (ratios_S - point)).sigmoid()
