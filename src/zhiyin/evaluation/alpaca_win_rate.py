"""AlpacaEval's win rate: preferences between one model's answers and a baseline's, summed up. Axis: N pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from zhiyin.evaluation.alpaca_eval import DRAW, Annotation

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats


class WinRate(Struct, frozen=True):
    """Preferences summed up as on AlpacaEval's leaderboard, under its names; rates are in percent."""

    win_rate: float
    """Mean share by which the model is preferred."""
    standard_error: float
    """Standard deviation (n - 1) over the root of n."""
    n_wins: int
    """Shares above one half."""
    n_wins_base: int
    """Shares below one half."""
    n_draws: int
    n_total: int
    """Pairs with a preference."""
    discrete_win_rate: float
    """Wins and half of the draws, of all."""
    avg_length: int
    """Mean characters of the model's answers, cut to a whole number."""


def shares(annotations: Sequence[Annotation]) -> Floats:
    """Return (N,) by how much the model is preferred, 0 to 1; not a number without a preference."""
    return np.array([one.share for one in annotations], float)


def longer(annotations: Sequence[Annotation]) -> Floats:
    """Return (N,) the characters of the baseline's answer minus those of the model's."""
    return np.array([len(one.output_1) - len(one.output_2) for one in annotations], float)


def win_rate(annotations: Sequence[Annotation]) -> WinRate:
    """Sum preferences up (`get_winrate` of alpaca_eval 0.6.6). Pairs without a preference count for the length alone.

    Raises `ValueError` when no pair has a preference.
    """
    every = shares(annotations)
    judged = every[~np.isnan(every)]
    if not len(judged):
        raise ValueError(f"none of {len(annotations)} pairs has a preference: there is no win rate")
    wins, draws = int((judged > DRAW - 1).sum()), int((judged == DRAW - 1).sum())
    deviation = float(judged.std(ddof=1)) if len(judged) > 1 else 0.0
    return WinRate(
        win_rate=100 * float(judged.mean()),
        standard_error=100 * deviation / math.sqrt(len(judged)),
        n_wins=wins,
        n_wins_base=len(judged) - wins - draws,
        n_draws=draws,
        n_total=len(judged),
        discrete_win_rate=100 * (wins + draws / 2) / len(judged),
        avg_length=int(np.mean([len(one.output_2) for one in annotations])),
    )


def moved_far(raw: float, controlled: float) -> bool:
    """Tell whether control of length moved a win rate (percent) so far that the model may have failed.

    Further than 10 points, and than a quarter of the way to 0 or to 100 (`get_is_extreme_changes`).
    """
    return controlled < min(0.75 * raw, raw - 10) or controlled > max(raw + (100 - raw) / 4, raw + 10)
