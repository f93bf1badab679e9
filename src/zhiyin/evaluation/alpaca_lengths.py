"""AlpacaEval 2's length-controlled win rate: what the win rate would be if both answers were equally long.

The model (Dubois et al. 2024, arXiv 2404.04475; `length_controlled_v1` of alpaca_eval 0.6.6), for instruction i:

    logit q_i = length * tanh(d_i / sd(d)) + difficulty * g_i + base

q_i is the share by which the model's answer is preferred to the baseline's, d_i the characters of the baseline's
answer minus those of the model's, and g_i how hard the instruction is, a number published with the benchmark.
The length-controlled win rate is the mean of q_i with d_i = 0. Difficulties belong to instructions here; the original
takes a pair's place in the annotation file for the instruction's number, so that in a file with pairs missing all later
ones get another instruction's difficulty (eight entries of its leaderboard; phi-2's moved by 0.56 points).
Axes: N pairs, G rows of gamed baselines.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zhiyin.evaluation.win_rate_logistic import Penalty, Rows, fit, logistic, losses

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats, Interval, Resampling

STRENGTHS = (
    *(1e-4, 0.000774263682681127, 0.005994842503189409, 0.046415888336127774, 0.3593813663804626),
    *(2.782559402207126, 21.54434690031882, 166.81005372000558, 1291.5496650148827, 1e4),
)
"""The values of C that `LogisticRegressionCV` tries, at equal ratios; 1/C is the weight of the L1 penalty."""
FOLDS = 5
FLAG = "not_gamed_baseline"
LENGTHS = ("std_delta_len", "instruction_difficulty")
COEFFICIENTS = ("np.tanh(std_delta_len)", "instruction_difficulty", "not_gamed_baseline.astype(float)")
"""Columns of alpaca_eval's tables."""
GAMED_WEIGHT = 0.1
"""Weight of one row of a gamed baseline: a fifth, halved because there are two of them."""


class Weights(NamedTuple):
    """The three coefficients of a model, in logits."""

    length: float
    difficulty: float
    base: float


@dataclass(frozen=True)
class Pairs:
    """One model's answers beside the baseline's."""

    shares_N: Floats
    """(N,) by how much the model is preferred, 0 to 1; not a number where the judge gave no preference."""
    longer_N: Floats
    """(N,) characters of the baseline's answer minus those of the model's."""
    difficulty_N: Floats
    """(N,) how hard the instruction is."""


class Gamed(NamedTuple):
    """Judged answers of the baseline told to be brief, and to be verbose: no better or worse, only other lengths."""

    features_G3: Floats
    """(G, 3) tanh of the scaled length, difficulty, and 0 for the base."""
    shares_G: Floats
    """(G,) by how much they are preferred, 0 to 1."""


class Fitted(NamedTuple):
    """A fitted model and the strength that cross-validation picked."""

    weights: Weights
    strength: float
    """C: 1/C is the weight of the L1 penalty."""


def predicted(weights: Weights, difficulty_N: Floats) -> Floats:
    """Return (N,) the shares that the model predicts for answers of equal length."""
    return logistic(weights.base + weights.difficulty * difficulty_N)


def against(model: Weights, baseline: Weights, difficulty_N: Floats) -> Floats:
    """Return (N,) the shares of one model against another that met the same baseline."""
    return predicted(Weights(*np.subtract(model, baseline).tolist()), difficulty_N)


def length_controlled(pairs: Pairs, gamed: Gamed | None, strength: float | None = None) -> Fitted:
    """Fit the model; without `strength` it is picked by cross-validation, as the original does.

    The gamed baselines keep the coefficient of length where answers alone cannot tell length from quality; without
    them the result is off by up to 13 points. Pairs without a preference do not enter. Raises `ValueError` when no
    pair has one, or when all answers differ by the same number of characters.
    """
    rows = training(pairs, gamed)
    if strength is None:
        strength = _strongest(rows)
    return Fitted(Weights(*fit(rows, Penalty(l1=1 / strength)).tolist()), strength)


def interval(pairs: Pairs, gamed: Gamed | None, fitted: Fitted, plan: Resampling) -> Interval:
    """Return the percentile interval of the length-controlled share: pairs are drawn again, and the model refitted.

    The published standard error is that of the predictions alone and leaves the fit's own uncertainty out (0.14 for a
    model whose raw error is 0.91), so it is no interval to trust. The strength and the gamed rows stay as they are.
    """
    from zhiyin.evaluation.significance import Interval

    generator, start = np.random.default_rng(plan.seed), np.array(fitted.weights)
    rows, count = training(pairs, gamed), len(pairs.shares_N)
    own = np.flatnonzero(~np.isnan(pairs.shares_N))
    fixed = len(rows.labels_N) - len(own)
    means = np.empty(plan.resamples)
    for draw in range(plan.resamples):
        times_N = np.bincount(generator.integers(count, size=count), minlength=count)
        again = rows.weighing(np.concatenate([rows.weights_N[:fixed], times_N[own].astype(float)]))
        weights = Weights(*fit(again, Penalty(l1=1 / fitted.strength), start).tolist())
        means[draw] = (predicted(weights, pairs.difficulty_N) * times_N).sum() / count
    tail = (1 - plan.confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def training(pairs: Pairs, gamed: Gamed | None) -> Rows:
    """Return what is fitted: the gamed rows first, then the model's pairs that have a preference."""
    judged = ~np.isnan(pairs.shares_N)
    if not judged.any():
        raise ValueError("no pair has a preference: there is nothing to fit")
    spread = float(np.std(pairs.longer_N, ddof=1)) if len(pairs.longer_N) > 1 else 0.0
    if not spread > 0:
        raise ValueError("all pairs of answers differ by the same number of characters: length cannot be controlled")
    features_N3 = np.stack([np.tanh(pairs.longer_N / spread), pairs.difficulty_N, np.ones(len(judged))], axis=1)
    own = Rows(features_N3[judged], pairs.shares_N[judged], np.ones(int(judged.sum())))
    if gamed is None:
        return own
    return Rows(
        np.concatenate([gamed.features_G3, own.features_NK]),
        np.concatenate([gamed.shares_G, own.labels_N]),
        np.concatenate([np.full(len(gamed.shares_G), GAMED_WEIGHT), own.weights_N]),
    )


def _strongest(rows: Rows) -> float:
    """Return the strength with the least weighted loss on rows left out, the first one among equals.

    Row i is left out in fold i modulo 5. The original's folds depend on how an unstable sort orders equal keys, so
    they differ between machines; these do not.
    """
    if len(rows.labels_N) < FOLDS:
        raise ValueError(f"{len(rows.labels_N)} judged pairs are too few for {FOLDS} folds")
    folds_N = np.arange(len(rows.labels_N)) % FOLDS
    total = dict.fromkeys(STRENGTHS, 0.0)
    for fold in range(FOLDS):
        seen, unseen = rows.at(folds_N != fold), rows.at(folds_N == fold)
        coefficients: Floats | None = None
        for strength in STRENGTHS:
            coefficients = fit(seen, Penalty(l1=1 / strength), coefficients)
            left_out = losses(unseen.features_NK @ coefficients, unseen.labels_N)
            total[strength] += float((unseen.weights_N * left_out).mean())
    return min(STRENGTHS, key=total.__getitem__)


def read_weights(file: Path) -> dict[str, Weights]:
    """Read a table of coefficients as alpaca_eval keeps it, by model."""
    return {
        model: Weights(*_numbers(file, line, coefficients))
        for line, (model, *coefficients) in _rows(file, COEFFICIENTS)
    }


def write_weights(file: Path, weights: dict[str, Weights]) -> None:
    """Write a table of coefficients that alpaca_eval reads."""
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("", *COEFFICIENTS))
        table.writerows([name, *(f"{value:.16f}" for value in one)] for name, one in weights.items())


def read_difficulties(file: Path) -> Floats:
    """Read `instruction_difficulty.csv`: instructions, which must count from 0, and how hard they are. Returns (N,)."""
    values: list[float] = []
    for line, row in _rows(file, ("instruction_difficulty",)):
        index, value = _numbers(file, line, row)
        if index != len(values):
            raise ValueError(f"{file}:{line}: expected instruction {len(values)}, found {row[0]}")
        values.append(value)
    return np.array(values)


def read_gamed(file: Path) -> Gamed:
    """Read `df_gamed.csv`, by the names of its columns; rows without a preference are not fitted."""
    features, shares = [], []
    for line, (_, flag, length, difficulty, preference) in _rows(file, (FLAG, *LENGTHS, "preference")):
        if flag != "False":
            raise ValueError(f"{file}:{line}: not_gamed_baseline must be False in a gamed baseline's row, not {flag!r}")
        longer, hard, share = _numbers(file, line, (length, difficulty, preference or "nan"))
        if math.isnan(share):
            continue
        if not 0 <= share <= 1:
            raise ValueError(f"{file}:{line}: the preference must lie between 0 and 1 here, not {share}")
        features.append((float(np.tanh(longer)), hard, 0.0))
        shares.append(share)
    return Gamed(np.array(features), np.array(shares))


def gamed_difficulties(file: Path) -> dict[int, float]:
    """Read from `df_gamed.csv` how hard each instruction is, by its number; the original looks it up there."""
    found: dict[int, float] = {}
    for line, (_, *row) in _rows(file, ("index", "instruction_difficulty")):
        index, difficulty = _numbers(file, line, row)
        found.setdefault(int(index), difficulty)
    return found


def _rows(file: Path, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield line number, first field and the named fields of each row; raises `ValueError` for a table unlike that."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.reader(lines, strict=True)
        header = next(table, [])
        if missing := [name for name in names if name not in header]:
            raise ValueError(f"{file}: no column {', '.join(missing)}; there are {', '.join(header)}")
        places = [0, *map(header.index, names)]
        count = 0
        for row in table:
            if len(row) != len(header):
                raise ValueError(f"{file}:{table.line_num}: expected {len(header)} columns, found {len(row)}: {row}")
            count += 1
            yield table.line_num, [row[place] for place in places]
    if not count:
        raise ValueError(f"{file} holds no rows")


def _numbers(file: Path, line: int, fields: Sequence[str]) -> list[float]:
    try:
        return [float(field) for field in fields]
    except ValueError as error:
        raise ValueError(f"{file}:{line}: not a number: {error}") from error
