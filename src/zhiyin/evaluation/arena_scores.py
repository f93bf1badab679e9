"""Arena-Hard's win rates: Bradley and Terry's model, with or without control of style, and its intervals.

In the model of Bradley and Terry (1952) a model with strength s_a beats one with s_b with probability
logistic(s_a - s_b). Axes: N battles, M models, F features of style, B resamples, Q questions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from zhiyin.evaluation.arena_hard import Battle
from zhiyin.evaluation.arena_style import Edition, standardised
from zhiyin.evaluation.win_rate_logistic import Penalty, Rows, fit, logistic

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats, Integers, Interval, Resampling

SCALE = 400
"""Points of Elo at which one side is ten times as likely to win as the other."""
ANCHOR = 1000.0
"""The Elo rating of the baseline (v0.1)."""

Unit = Literal["questions", "rows"]


@dataclass(frozen=True)
class Table:
    """Battles as arrays."""

    models: tuple[str, ...]
    """(M,) every name, baselines too, sorted."""
    model_N: Integers
    baseline_N: Integers
    """(N,) who met whom, places in `models`."""
    shares_N: Floats
    """(N,) what the model won."""
    weights_N: Floats
    question_N: Integers
    """(N,) 0 to Q-1."""

    @classmethod
    def of(cls, battles: Sequence[Battle]) -> Table:
        """Lay battles out; raises `ValueError` when there are none."""
        if not battles:
            raise ValueError("no verdict could be read: there are no battles")
        models = tuple(sorted({one.model for one in battles} | {one.baseline for one in battles}))
        place = {name: number for number, name in enumerate(models)}
        questions = {uid: number for number, uid in enumerate(dict.fromkeys(one.uid for one in battles))}
        return cls(
            models=models,
            model_N=np.array([place[one.model] for one in battles]),
            baseline_N=np.array([place[one.baseline] for one in battles]),
            shares_N=np.array([one.share for one in battles], float),
            weights_N=np.array([one.weight for one in battles], float),
            question_N=np.array([questions[one.uid] for one in battles]),
        )

    def sides(self) -> Floats:
        """Return (N, M): 1 at the model, -1 at the baseline."""
        found_NM = np.zeros((len(self.shares_N), len(self.models)))
        every = np.arange(len(self.shares_N))
        found_NM[every, self.model_N] += 1
        found_NM[every, self.baseline_N] -= 1
        return found_NM

    def place(self, name: str) -> int:
        """Return where a model stands; raises `ValueError` for one that never played."""
        if name not in self.models:
            raise ValueError(f"no battle with {name}; there are {', '.join(self.models)}")
        return self.models.index(name)


@dataclass(frozen=True)
class Style:
    """Differences of style that are held still, and under which edition's rules."""

    raw_NF: Floats
    """(N, F) from `arena_style.differences`."""
    edition: Edition
    centred: bool = True
    """As the originals; False asks for answers of equal style (see `arena_style.standardised`)."""


def strengths(table: Table, anchor: str, weights_N: Floats | None = None) -> Floats:
    """Return (M,) the strengths of greatest likelihood, the anchor's being 0; a tie is half a win.

    As v0.1 fits them on rows copied by weight, and twice for ties. A model that won, or lost, everything has no
    finite strength: its win rate comes out as 1 or 0 to six digits.
    """
    others = np.arange(len(table.models)) != table.place(anchor)
    found_M = np.zeros(len(table.models))
    weights_N = table.weights_N if weights_N is None else weights_N
    found_M[others] = fit(Rows(table.sides()[:, others], table.shares_N, weights_N))
    return found_M


def elo(strengths_M: Floats) -> Floats:
    """Return (M,) strengths as Elo ratings, the anchor's being 1000."""
    return ANCHOR + SCALE / math.log(10) * strengths_M


def win_rates(table: Table, anchor: str, weights_N: Floats | None = None) -> Floats:
    """Return (M,) the share that each model wins against the anchor, whose own is one half.

    Where everyone met the anchor alone, greatest likelihood is the weighted mean of the shares, and that is taken.
    A model without a battle that weighs anything is not a number.
    """
    weights_N = table.weights_N if weights_N is None else weights_N
    place, M = table.place(anchor), len(table.models)
    met_M = np.bincount(table.model_N, weights_N, M) + np.bincount(table.baseline_N, weights_N, M)
    if (table.baseline_N == place).all() and (table.model_N != place).all():
        won_M = np.bincount(table.model_N, weights_N * table.shares_N, M)
        rates_M = won_M / np.where(met_M > 0, met_M, 1)
        rates_M[place] = 0.5
    else:
        rates_M = logistic(strengths(table, anchor, weights_N))
    return np.where(met_M > 0, rates_M, np.nan)


def controlled(table: Table, anchor: str, style: Style, weights_N: Floats | None = None) -> tuple[Floats, Floats]:
    """Return (M,) the win rates against the anchor with style held still, and (F,) the coefficients of style.

    v2 fits without a penalty. v0.1 fits every battle twice with scikit-learn's default penalty (L2, C = 1), strengths
    in units of ln 10, and no column left out. Features are standardised over the table's own battles, also when
    `weights_N` are those of a resample, as in the originals.
    """
    weights_N = table.weights_N if weights_N is None else weights_N
    place, M = table.place(anchor), len(table.models)
    features_NF = standardised(style.raw_NF, table.weights_N, style.centred)
    if style.edition == "v0.1":
        scale = math.log(10)
        rows = Rows(np.concatenate([scale * table.sides(), features_NF], axis=1), table.shares_N, 2 * weights_N)
        found = fit(rows, Penalty(l2=1.0))
        strengths_M = scale * (found[:M] - found[place])
    else:
        others = np.arange(M) != place
        rows = Rows(np.concatenate([table.sides()[:, others], features_NF], axis=1), table.shares_N, weights_N)
        found = fit(rows)
        strengths_M = np.zeros(M)
        strengths_M[others] = found[: M - 1]
    met_M = np.bincount(table.model_N, weights_N, M) + np.bincount(table.baseline_N, weights_N, M)
    return np.where(met_M > 0, logistic(strengths_M), np.nan), found[-features_NF.shape[1] :]


def bootstrap(
    table: Table, statistic: Callable[[Floats], Floats], plan: Resampling, unit: Unit = "questions"
) -> Floats:
    """Return (B, M) the statistic of resampled battles, given as (N,) weights.

    By `questions`, all that was said of a question comes or goes together: both orders, every model, and the three
    copies of a strong verdict. These depend on one another, and the originals, which draw copies as if each were a
    judgment of its own (`rows`), state intervals that are too narrow. `rows` is offered to compare with them.
    """
    generator = np.random.default_rng(plan.seed)
    found = []
    for _ in range(plan.resamples):
        if unit == "questions":
            Q = int(table.question_N.max()) + 1
            times_Q = np.bincount(generator.integers(Q, size=Q), minlength=Q)
            found.append(statistic(table.weights_N * times_Q[table.question_N]))
        else:
            total = float(table.weights_N.sum())
            drawn_N = generator.multinomial(round(total), table.weights_N / total)
            found.append(statistic(drawn_N.astype(float)))
    return np.stack(found)


def percentiles(resampled_BM: Floats, place: int, confidence: float = 0.95) -> Interval:
    """Return the interval of one model; resamples in which it did not play are left out."""
    from zhiyin.evaluation.significance import Interval

    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled_BM[:, place], [tail, 1 - tail])
    return Interval(float(low), float(high))
