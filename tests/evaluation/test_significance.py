"""Every interval and test against a slow, obvious twin or a value worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from zhiyin.evaluation import significance
from zhiyin.evaluation.significance import (
    Resampling,
    Sample,
    bootstrap,
    chi_square_against,
    macro_wilson,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    wilson,
)


def sample(values: list[float], weights: list[float] | None = None, strata: list[int] | None = None) -> Sample:
    count = len(values)
    return Sample(np.array(values, float), np.array(weights or [1.0] * count), np.array(strata or [0] * count))


@pytest.mark.parametrize(("right", "count"), [(0, 10), (8, 10), (10, 10), (1, 1), (151, 600)])
def test_wilson_equals_its_formula(right: int, count: int) -> None:
    z, p = 1.959963984540054, right / count
    centre, scale = p + z * z / (2 * count), 1 + z * z / count
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    assert wilson(right, count) == pytest.approx(((centre - half) / scale, (centre + half) / scale), abs=1e-12)


def test_wilson_covers_ninety_five_per_cent() -> None:
    count, coverage = 40, []
    intervals = [wilson(right, count) for right in range(count + 1)]
    for p in np.linspace(0.05, 0.95, 91):
        inside = [low <= p <= high for low, high in intervals]
        coverage.append(float(stats.binom.pmf(np.arange(count + 1), count, p) @ inside))
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.006)
    assert min(coverage) > 0.9


def test_wilson_refuses_what_is_no_proportion() -> None:
    for right, count in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="is not a proportion"):
            wilson(right, count)


def test_macro_wilson_of_one_stratum_is_wilson() -> None:
    assert macro_wilson(np.array([0.3]), np.array([50.0])) == pytest.approx(wilson(15, 50))


def test_macro_wilson_covers_and_never_shrinks_to_a_point() -> None:
    generator = np.random.default_rng(5)
    counts = generator.integers(80, 400, 20)
    truth = generator.uniform(0.3, 0.7, 20)
    right = generator.binomial(counts, truth, size=(2000, 20)) / counts
    intervals = [macro_wilson(row, counts.astype(float)) for row in right]
    covered = np.mean([low <= truth.mean() <= high for low, high in intervals])
    assert 0.94 < covered < 0.98
    low, high = macro_wilson(np.ones(20), counts.astype(float))
    assert 0.99 < low < high == pytest.approx(1.0)


def test_mean_interval_by_hand() -> None:
    # Mean 2.5, standard deviation sqrt(5/3), t of 3 degrees of freedom at 97.5 % 3.182446.
    half = 3.182446 * math.sqrt(5 / 3) / 2
    assert mean_interval(np.array([1.0, 2, 3, 4])) == pytest.approx((2.5 - half, 2.5 + half), abs=1e-5)
    assert mean_interval(np.array([7.0])) == (7.0, 7.0)
    assert mean_interval(np.array([7.0, 7.0])) == (7.0, 7.0)
    with pytest.raises(ValueError, match="no values"):
        mean_interval(np.array([]))


def test_point_is_total_over_total_averaged_over_strata() -> None:
    one = sample([2, 4, 9], [1, 2, 3], [0, 0, 1])
    assert one.point() == pytest.approx(((2 + 4) / 3 + 9 / 3) / 2)
    assert Sample(one.values, one.weights, one.strata, exponential=True).point() == pytest.approx(math.exp(2.5))


def slow_bootstrap(before: Sample, after: Sample, plan: Resampling) -> tuple[float, float]:
    """Draw the same items, then compute every resample with plain loops."""
    generator = np.random.default_rng(plan.seed)
    drawn: list[list[list[int]]] = [[] for _ in range(plan.resamples)]
    for stratum in sorted(set(before.strata.tolist())):
        members = [index for index, one in enumerate(before.strata.tolist()) if one == stratum]
        for row, places in enumerate(generator.integers(len(members), size=(plan.resamples, len(members)))):
            drawn[row].append([members[place] for place in places])
    differences = sorted(average(after, row) - average(before, row) for row in drawn)
    low, high = np.quantile(differences, [(1 - plan.confidence) / 2, (1 + plan.confidence) / 2])
    return float(low), float(high)


def average(one: Sample, strata: list[list[int]]) -> float:
    means = [sum(one.values[i] for i in items) / sum(one.weights[i] for i in items) for items in strata]
    mean = sum(means) / len(means)
    return math.exp(mean) if one.exponential else float(mean)


@pytest.mark.parametrize("exponential", [False, True])
def test_paired_bootstrap_equals_the_slow_one(exponential: bool) -> None:
    generator = np.random.default_rng(3)
    strata = np.repeat([0, 1, 2], [7, 3, 12])
    weights = generator.integers(1, 9, 22).astype(float)
    before = Sample(generator.normal(size=22), weights, strata, exponential)
    after = Sample(before.values + generator.normal(0.3, 0.2, 22), weights, strata, exponential)
    plan = Resampling(resamples=200, seed=11, confidence=0.9)
    assert paired_bootstrap(before, after, plan) == pytest.approx(slow_bootstrap(before, after, plan), abs=1e-12)
    nothing = Sample(np.zeros(22), weights, strata)
    if not exponential:
        assert bootstrap(after, plan) == pytest.approx(slow_bootstrap(nothing, after, plan), abs=1e-12)


def test_paired_bootstrap_is_the_normal_interval_for_many_items_and_uses_the_pairs() -> None:
    generator = np.random.default_rng(0)
    before = generator.normal(size=4000) * 5
    after = before + generator.normal(0.1, 1.0, 4000)
    low, high = paired_bootstrap(sample(list(before)), sample(list(after)), Resampling())
    change = after - before
    half = 1.96 * change.std(ddof=1) / math.sqrt(4000)
    assert (low, high) == pytest.approx((change.mean() - half, change.mean() + half), abs=0.004)
    assert high - low < 0.07  # unpaired it would be near 0.44


def test_a_plan_gives_the_same_interval_whatever_fits_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    one = sample([1, 5, 2, 8, 3, 3, 9], strata=[0, 0, 0, 1, 1, 1, 1])
    whole = bootstrap(one, Resampling())
    monkeypatch.setattr(significance, "BLOCK", 40)
    assert bootstrap(one, Resampling()) == whole
    assert bootstrap(one, Resampling(seed=1)) != whole


def test_paired_bootstrap_refuses_other_items() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired_bootstrap(sample([1, 2]), sample([1, 2, 3]), Resampling())
    with pytest.raises(ValueError, match="same strata"):
        paired_bootstrap(sample([1, 2], strata=[0, 1]), sample([1, 2], strata=[1, 0]), Resampling())


def test_mcnemar_is_the_two_sided_binomial_of_a_half() -> None:
    for gained in range(9):
        for lost in range(9):
            n, few = gained + lost, min(gained, lost)
            tail = sum(math.comb(n, k) for k in range(few + 1)) / 2**n
            assert mcnemar(gained, lost) == pytest.approx(min(1.0, 2 * tail))


def test_chi_square_by_hand() -> None:
    # 30 of 100 and 20 of 100 at chance 0.25: 5^2 / 18.75 twice.
    statistic, degrees, p = chi_square_against(0.25, np.array([30.0, 20.0]), np.array([100.0, 100.0]))
    assert degrees == 2
    assert statistic == pytest.approx(8 / 3)
    assert p == pytest.approx(math.exp(-4 / 3))  # with 2 degrees of freedom the tail is e^(-x/2)
