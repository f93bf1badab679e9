"""Low-rank adaptation of the linear layers (Hu et al. 2021, arXiv 2106.09685), through PEFT."""

from zhiyin.training.adapters import LowRankProduct


class Lora(LowRankProduct):
    """Weights stay frozen; each chosen linear layer learns a low-rank addition, zero at the start."""
