"""Intervals and tests on plain arrays: Wilson, Student's t, the paired bootstrap, McNemar.

Axes: N items, S strata, B resamples, K columns, M items of one stratum.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 4_000_000
"""Numbers drawn at once by the bootstrap, so that memory stays near 100 MB."""


class Interval(NamedTuple):
    """The ends of a two-sided interval, in the unit of what was measured."""

    low: float
    high: float


class Resampling(NamedTuple):
    """How a bootstrap is drawn; the same plan on the same data gives the same interval."""

    resamples: int = 2000
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True)
class Sample:
    """Items of one measure. The average of a stratum is its total value over its total weight.

    With weights of 1 that is the plain mean; with nats and tokens it is nats per token.
    """

    values: Floats
    """(N,) the value of each item."""
    weights: Floats
    """(N,) its weight, above zero."""
    strata: Integers
    """(N,) 0 to S-1, none empty; all zero for one average over items, subjects for a macro average."""
    exponential: bool = False
    """The measure is e to the average: perplexity."""
    counts: Floats | None = None
    """(N, K) what `statistic` is computed of, summed over the items of a stratum; values and weights then idle."""
    statistic: Callable[[Floats], Floats] | None = None
    """Of sums (..., K) the measure (...): BLEU of all answers is no mean of the BLEU of each."""

    @property
    def columns(self) -> Floats:
        """(N, K) what is summed over items: values and weights, or the counts."""
        return np.stack([self.values, self.weights], axis=1) if self.counts is None else self.counts

    def point(self) -> float:
        """Return the mean over strata of each stratum's average."""
        columns_NK = self.columns
        sums_SBK = np.zeros((int(self.strata.max()) + 1, 1, columns_NK.shape[1]))
        np.add.at(sums_SBK[:, 0], self.strata, columns_NK)
        return float(self.finish(sums_SBK)[0])

    def finish(self, sums_SBK: Floats) -> Floats:
        """Return the measure (B,) of the sums of each stratum in each resample."""
        if self.statistic is not None:
            return np.asarray(self.statistic(sums_SBK).mean(axis=0))
        average_B: Floats = (sums_SBK[..., 0] / sums_SBK[..., 1]).mean(axis=0)
        return np.exp(average_B) if self.exponential else average_B


def wilson(right: float, count: float, confidence: float = 0.95) -> Interval:
    """Return the score interval of a proportion (Wilson 1927). `count` may be an effective size, so not whole."""
    if not 0 <= right <= count or count <= 0:
        raise ValueError(f"{right} right of {count} is not a proportion")
    low, high = proportion_confint(right, count, alpha=1 - confidence, method="wilson")
    return Interval(float(low), float(high))


def macro_wilson(proportions: Floats, counts: Floats, confidence: float = 0.95) -> Interval:
    """Return the score interval of a mean of proportions over strata that are fixed, not sampled.

    With G strata of n_g items the mean has the variance p(1-p) * sum(1/n_g) / G^2 where all share one p, that is,
    the variance of G^2 / sum(1/n_g) items. Where proportions differ between strata it is a little smaller, so the
    interval is slightly wide. Unlike a bootstrap it does not shrink to a point when every answer is right.
    """
    effective = len(counts) ** 2 / float((1 / counts).sum())
    return wilson(float(proportions.mean()) * effective, effective, confidence)


def mean_interval(values: Floats, confidence: float = 0.95) -> Interval:
    """Return Student's t interval of a mean. A single value has no spread to judge by: both ends are the value."""
    if len(values) == 0:
        raise ValueError("no values: there is no mean")
    mean, deviation = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) if deviation else 0.0
    half *= deviation / len(values) ** 0.5
    return Interval(mean - half, mean + half)


def bootstrap(sample: Sample, plan: Resampling) -> Interval:
    """Return the percentile interval of the sample's average, items resampled within each stratum."""
    return _percentiles(sample.columns, sample.strata, sample.finish, plan)


def paired_bootstrap(before: Sample, after: Sample, plan: Resampling) -> Interval:
    """Return the percentile interval of after minus before; each resample takes the same items of both.

    Items are resampled within each stratum (Dror et al. 2018, ACL P18-1128; Miller 2024, arXiv 2411.00640, on why
    pairs). Strata are taken as fixed: the interval speaks of these subjects, not of subjects in general.
    """
    if len(before.values) != len(after.values) or (before.strata != after.strata).any():
        raise ValueError("a paired bootstrap needs the same items in the same strata on both sides")
    first, second = before.columns, after.columns
    columns, middle = np.concatenate([first, second], axis=1), first.shape[1]

    def difference(sums_SBK: Floats) -> Floats:
        return after.finish(sums_SBK[..., middle:]) - before.finish(sums_SBK[..., :middle])

    return _percentiles(columns, before.strata, difference, plan)


def _percentiles(
    columns_NK: Floats, strata_N: Integers, statistic: Callable[[Floats], Floats], plan: Resampling
) -> Interval:
    sums_SBK = _resampled_sums(columns_NK, strata_N, plan)
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(statistic(sums_SBK), [tail, 1 - tail])
    return Interval(float(low), float(high))


def _resampled_sums(columns_NK: Floats, strata_N: Integers, plan: Resampling) -> Floats:
    """Return (S, B, K): the column sums of every resample, stratum by stratum."""
    generator = np.random.default_rng(plan.seed)
    sums_SBK = np.empty((int(strata_N.max()) + 1, plan.resamples, columns_NK.shape[1]))
    for stratum in range(len(sums_SBK)):
        members_MK = columns_NK[strata_N == stratum]
        rows = max(1, BLOCK // len(members_MK))
        for start in range(0, plan.resamples, rows):
            stop = min(start + rows, plan.resamples)
            drawn_BM = generator.integers(len(members_MK), size=(stop - start, len(members_MK)))
            for column in range(columns_NK.shape[1]):
                sums_SBK[stratum, start:stop, column] = members_MK[:, column][drawn_BM].sum(axis=1)
    return sums_SBK


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p that `gained` and `lost` items are equally likely (McNemar 1947, binomial form).

    Items that both sides answer alike do not enter. Without any that differ, p is 1.
    """
    return float(exact_mcnemar([[0, lost], [gained, 0]], exact=True).pvalue)


def chi_square_against(chance: float, right: Floats, counts: Floats) -> tuple[float, int, float]:
    """Return chi-square, degrees of freedom and p of the right answers in each category against guessing.

    Each category adds (right - n*chance)^2 / (n*chance*(1-chance)), and one degree of freedom: the expected counts
    come from chance alone, nothing is fitted. Where there is no category, nothing speaks against guessing.
    """
    if not len(counts):
        return 0.0, 0, 1.0
    statistic = float(((right - counts * chance) ** 2 / (counts * chance * (1 - chance))).sum())
    return statistic, len(counts), float(stats.chi2.sf(statistic, len(counts)))


def holm(values: Sequence[float]) -> list[float]:
    """Return p values corrected so that the chance of any false finding among them stays that of one (Holm 1979)."""
    return [float(value) for value in multipletests(list(values), method="holm")[1]] if values else []
