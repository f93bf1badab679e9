"""Logistic regression with soft labels, weights and a penalty: what both win rates are fitted with.

Axes: N rows, K features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats

SLACK = 1e-10
"""The largest slope of the average loss, in nats, at which a fit is finished."""
STEPS = 200
"""Newton steps taken at most; about eight are usual, and 25 when data are separated."""


@dataclass(frozen=True)
class Rows:
    """Soft-labelled observations: row i counts `weights` times, a share `labels` of it as a win."""

    features_NK: Floats
    labels_N: Floats
    """(N,) from 0 to 1."""
    weights_N: Floats
    """(N,) at least 0, not all 0."""

    def at(self, kept_N: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(self.features_NK[kept_N], self.labels_N[kept_N], self.weights_N[kept_N])

    def weighing(self, weights_N: Floats) -> Rows:
        """Return the same rows with other weights, as a resample has."""
        return replace(self, weights_N=weights_N)


@dataclass(frozen=True)
class Penalty:
    """What is added to the summed loss: `l1 * sum|b| + l2 / 2 * sum b^2`. scikit-learn's C is 1 over it."""

    l1: float = 0.0
    l2: float = 0.0


def logistic(logits: Floats) -> Floats:
    """Return 1 / (1 + e^-z) of each logit z, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)), np.float64)


def losses(logits_N: Floats, labels_N: Floats) -> Floats:
    """Return (N,) the cross-entropy `-y log q - (1 - y) log(1 - q)` in nats, q being the logistic of the logit."""
    return np.logaddexp(0.0, logits_N) - labels_N * logits_N


def fit(rows: Rows, penalty: Penalty = Penalty(), start_K: Floats | None = None) -> Floats:
    """Return (K,) the coefficients b that minimise the weighted loss plus the penalty; there is no intercept.

    Newton's method; under an L1 penalty each step minimises the quadratic model plus the penalty by coordinate
    descent (Lee, Sun and Saunders 2014, arXiv 1206.1623, algorithm 1), so that coefficients become exactly 0. This
    and not a quasi-Newton search of SciPy because bootstraps fit thousands of times: a fit takes about a millisecond.
    Data that a plane separates have no optimum without a penalty: the predicted shares come out as 0 or 1 to nine
    digits. A feature that is 0 everywhere has the coefficient 0. Raises `ValueError` when the rows weigh nothing,
    `RuntimeError` when the search fails.
    """
    total = float(rows.weights_N.sum())
    if not total > 0:
        raise ValueError("no rows, or none with a weight above 0: there is nothing to fit")
    problem = _Problem(
        columns_KN=np.ascontiguousarray(rows.features_NK.T),
        labels_N=rows.labels_N,
        shares_N=rows.weights_N / total,
        lasso=penalty.l1 / total,
        ridge=penalty.l2 / total,
    )
    b_K = np.zeros(len(problem.columns_KN)) if start_K is None else start_K.astype(float)
    value = problem.value(b_K)
    for _ in range(STEPS):
        slope_K, curve_KK = problem.slope_and_curve(b_K)
        if problem.unsettled(b_K, slope_K) <= SLACK:
            return b_K
        step_K = problem.step(b_K, slope_K, curve_KK)
        share, rounding = 1.0, 1e-14 * (1 + abs(value))
        while (ahead := problem.value(b_K + share * step_K)) > value + rounding and share > SLACK:
            share /= 2
        b_K, value = b_K + share * step_K, ahead
    raise RuntimeError(
        f"the fit of {len(rows.labels_N)} rows did not settle in {STEPS} steps: a number is not finite, or two "
        "features are the same"
    )


@dataclass(frozen=True)
class _Problem:
    """What is minimised: the average loss, and the penalties per unit of weight."""

    columns_KN: Floats
    labels_N: Floats
    shares_N: Floats
    lasso: float
    ridge: float

    def value(self, b_K: Floats) -> float:
        """Return the average loss with its penalties, in nats."""
        loss = (self.shares_N * losses(_sum("kn,k->n", self.columns_KN, b_K), self.labels_N)).sum()
        return float(loss + self.lasso * np.abs(b_K).sum() + self.ridge / 2 * (b_K**2).sum())

    def slope_and_curve(self, b_K: Floats) -> tuple[Floats, Floats]:
        """Return the first (K,) and second (K, K) derivatives of what is smooth."""
        q_N = logistic(_sum("kn,k->n", self.columns_KN, b_K))
        slope_K = _sum("kn,n->k", self.columns_KN, self.shares_N * (q_N - self.labels_N)) + self.ridge * b_K
        curve_KK = _sum("kn,jn->kj", self.columns_KN * (self.shares_N * q_N * (1 - q_N)), self.columns_KN)
        return slope_K, curve_KK + self.ridge * np.eye(len(b_K))

    def unsettled(self, b_K: Floats, slope_K: Floats) -> float:
        """Return by how much the conditions of an optimum are missed: 0 at the optimum."""
        away_K = np.abs(slope_K + self.lasso * np.sign(b_K))
        return float(np.where(b_K == 0, np.maximum(np.abs(slope_K) - self.lasso, 0), away_K).max())

    def step(self, b_K: Floats, slope_K: Floats, curve_KK: Floats) -> Floats:
        """Return (K,) the step to the least of the quadratic model plus the L1 penalty."""
        if not self.lasso:
            return np.asarray(np.linalg.lstsq(curve_KK, -slope_K, rcond=1e-14)[0], np.float64)
        to, curve = b_K.tolist(), curve_KK.tolist()
        start, slope = b_K.tolist(), slope_K.tolist()
        for _ in range(STEPS):
            moved = 0.0
            for k, row in enumerate(curve):
                if row[k] <= 0:
                    continue
                wanted = row[k] * to[k] - slope[k] - sum(row[j] * (to[j] - start[j]) for j in range(len(to)))
                new = math.copysign(max(abs(wanted) - self.lasso, 0.0) / row[k], wanted)
                moved, to[k] = max(moved, abs(new - to[k])), new
            if moved <= 1e-14:
                break
        return np.array(to) - b_K


def _sum(axes: str, first: Floats, second: Floats) -> Floats:
    """Multiply and add without BLAS: its threads cost more than sums this small, and change their order."""
    found: Floats = np.einsum(axes, first, second)
    return found
