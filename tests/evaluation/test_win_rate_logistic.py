"""The fit behind both win rates: against statsmodels, against the conditions of an optimum, and at its edges."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit

from zhiyin.evaluation.significance import Floats
from zhiyin.evaluation.win_rate_logistic import Penalty, Rows, fit, logistic, losses


def rows(count: int = 300, seed: int = 0) -> Rows:
    generator = np.random.default_rng(seed)
    features_NK = generator.normal(size=(count, 4))
    labels_N = np.clip(expit(features_NK @ np.array([1.5, -0.7, 0.0, 0.05])) + generator.normal(0, 0.2, count), 0, 1)
    return Rows(features_NK, labels_N, generator.choice([0.1, 1.0, 3.0], count))


def slope(data: Rows, found_K: Floats) -> Floats:
    """Return (K,) the derivative of the summed loss, row by row."""
    total_K = np.zeros(data.features_NK.shape[1])
    for features_K, label, weight in zip(data.features_NK, data.labels_N, data.weights_N, strict=True):
        total_K += weight * (1 / (1 + np.exp(-features_K @ found_K)) - label) * features_K
    return total_K


@pytest.mark.parametrize("seed", range(5))
def test_without_a_penalty_it_is_statsmodels_binomial_regression(seed: int) -> None:
    data = rows(seed=seed)
    model = sm.GLM(data.labels_N, data.features_NK, family=sm.families.Binomial(), var_weights=data.weights_N)
    assert fit(data) == pytest.approx(model.fit(tol=1e-12).params, abs=1e-8)


@pytest.mark.parametrize("strength", [0.01, 0.1, 1.0, 100.0, 1e4])
def test_with_l1_the_conditions_of_an_optimum_hold(strength: float) -> None:
    """Where a coefficient is not 0 the slope is -sign/C; where it is, the slope is at most 1/C."""
    data = rows()
    found_K, slope_K = fit(data, Penalty(l1=1 / strength)), np.empty(4)
    slope_K = slope(data, found_K)
    for value, steep in zip(found_K, slope_K, strict=True):
        if value:
            assert steep == pytest.approx(-np.sign(value) / strength, abs=1e-6)
        else:
            assert abs(steep) <= 1 / strength + 1e-6


def test_a_strong_l1_penalty_takes_coefficients_away_one_after_another() -> None:
    zeros = [int((np.abs(fit(rows(), Penalty(l1=lasso))) < 1e-9).sum()) for lasso in (0.01, 30.0, 1000.0)]
    assert zeros == sorted(zeros)
    assert (zeros[0], zeros[-1]) == (0, 4)


def test_with_l2_the_slope_is_the_penaltys() -> None:
    data = rows()
    found_K = fit(data, Penalty(l2=1.0))
    assert slope(data, found_K) == pytest.approx(-found_K, abs=1e-7)


def test_weights_are_copies_and_soft_labels_are_two_rows() -> None:
    data = Rows(np.array([[1.0], [0.5], [-1.0]]), np.array([0.75, 1.0, 0.4]), np.array([1.0, 3.0, 2.0]))
    doubled = Rows(
        np.array([[1.0], [1.0], [0.5], [0.5], [0.5], [-1.0], [-1.0], [-1.0], [-1.0]]),
        np.array([1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0]),
        np.array([0.75, 0.25, 1.0, 1.0, 1.0, 0.4, 0.6, 0.4, 0.6]),
    )
    penalty = Penalty(l1=0.1)
    assert fit(data, penalty) == pytest.approx(fit(doubled, penalty), abs=1e-9)
    assert fit(data, penalty, np.array([5.0])) == pytest.approx(fit(data, penalty), abs=1e-9)


def test_losses_by_hand_and_without_overflow() -> None:
    assert losses(np.array([0.0, 1000.0, -1000.0]), np.array([0.5, 1.0, 1.0])) == pytest.approx(
        [np.log(2), 0.0, 1000.0]
    )


def test_the_logistic_is_scipys() -> None:
    logits = np.array([-1000.0, -30.0, -1.0, 0.0, 2.0, 800.0])
    assert logistic(logits) == pytest.approx(expit(logits), rel=1e-14)


def test_separated_data_stop_at_shares_of_0_and_1() -> None:
    data = Rows(np.ones((20, 1)), np.ones(20), np.ones(20))
    assert expit(fit(data)[0]) == pytest.approx(1.0, abs=1e-6)


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to fit"):
        fit(Rows(np.ones((2, 1)), np.ones(2), np.zeros(2)))
