"""BLEU and chrF of all answers together: sacrebleu counts in each answer, and the sums of counts give the score.

Axes: K counts of a measure; leading axes are strata, resamples or items.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Tokenizer = Literal["13a", "zh", "char"]

ORDERS, CHARACTERS, BETA = 4, 6, 2
"""Word n-grams of BLEU, character n-grams of chrF, and how much more recall counts than precision in chrF2."""


def bleu_counts(answer: str, reference: str, tokenizer: Tokenizer) -> tuple[float, ...]:
    """Return K = 10: tokens of the answer and of the reference, then matches and totals for n = 1 to 4.

    Tokens are sacrebleu's: `zh` for Chinese (each Han character alone), `13a` for others.
    """
    return tuple(map(float, _bleu(tokenizer)._extract_corpus_statistics([answer], [[reference]])[0]))


def chrf_counts(answer: str, reference: str) -> tuple[float, ...]:
    """Return K = 18: n-grams of the answer, of the reference, and matches, for n = 1 to 6 characters."""
    return tuple(map(float, _chrf()._extract_corpus_statistics([answer], [[reference]])[0]))


def bleu(sums: Floats) -> Floats:
    """Return corpus BLEU (...), 0 to 100, of summed counts (..., 10), with sacrebleu's exponential smoothing."""
    answer, reference = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    logarithms = np.zeros(sums.shape[:-1])
    smooth = np.ones(sums.shape[:-1])
    for order in range(ORDERS):
        hit, total = matches[..., order], totals[..., order]
        smooth = np.where(hit == 0, smooth * 2, smooth)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(hit == 0, 1 / (smooth * total), hit / total)
            logarithms += np.where(total > 0, np.log(precision), -np.inf) / ORDERS
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(answer >= reference, 1.0, np.exp(1 - reference / answer))
    nothing = (answer == 0) | (matches.sum(axis=-1) == 0)
    return np.where(nothing, 0.0, 100 * brevity * np.exp(logarithms))


def chrf(sums: Floats) -> Floats:
    """Return corpus chrF2 (...), 0 to 100, of summed counts (..., 18): means of precision and recall over n."""
    parts = sums.reshape(*sums.shape[:-1], CHARACTERS, 3)
    answer, reference, matches = parts[..., 0], parts[..., 1], parts[..., 2]
    counted = (answer > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    precision = (np.where(counted, matches / np.maximum(answer, 1), 0)).sum(axis=-1) / orders
    recall = (np.where(counted, matches / np.maximum(reference, 1), 0)).sum(axis=-1) / orders
    both = BETA**2 * precision + recall
    found: Floats = np.where(both > 0, (1 + BETA**2) * precision * recall / np.where(both > 0, both, 1), 0.0) * 100
    return found


STATISTICS: Mapping[str, Callable[[Floats], Floats]] = {"bleu": bleu, "chrf": chrf}
"""Measures that are computed of sums over all answers."""


@cache
def _bleu(tokenizer: Tokenizer) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
