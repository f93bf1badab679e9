"""Can a judge be believed: its agreement with people, and its liking for a place or for length.

Axes: N pairs of values, one from each side.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import isfinite, log
from statistics import fmean

from zhiyin.evaluation.judge_reply import MOST
from zhiyin.evaluation.judgements import Judgement
from zhiyin.evaluation.rating_sheet import Rating
from zhiyin.records.review import Agreement, Consistency, Correlation, LengthBias, PlaceBias

Key = tuple[str, str]
"""(item, system)."""
FEWEST = 3
"""Pairs below which there is no correlation to speak of."""


def by_answer(judged: Iterable[Judgement]) -> dict[Key, float]:
    """Return the mean score of each answer, 0 to 10, over the times it was judged and could be read."""
    found: dict[Key, list[float]] = {}
    for one in judged:
        if one.value is not None:
            found.setdefault((one.item, one.system), []).append(one.value * MOST)
    return {key: fmean(values) for key, values in found.items()}


def by_people(ratings: Iterable[Rating], rater: str | None = None) -> dict[Key, float]:
    """Return the mean rating of each answer, by one rater or by all."""
    found: dict[Key, list[float]] = {}
    for one in ratings:
        if rater in (None, one.rater):
            found.setdefault((one.item, one.system), []).append(one.score)
    return {key: fmean(values) for key, values in found.items()}


def agreement(one: Mapping[Key, float], other: Mapping[Key, float], *, one_scale: bool = True) -> Agreement:
    """Compare two scorings of the same answers; what only one side scored is counted and left out.

    Without `one_scale` (games on one side, scores on the other) only orders and ranks are compared.
    `kappa` is Cohen's with quadratic weights (Cohen 1968) over scores rounded to whole ones; `order_kappa` is plain
    Cohen's over "first better, draw, second better" for every two answers to one question. None where undefined.
    """
    shared = [key for key in one if key in other]
    pairs = [(one[key], other[key]) for key in shared]
    differences = [left - right for left, right in pairs]
    orders = list(_orders(shared, one, other))
    graded = [(_whole(left), _whole(right)) for left, right in pairs] if one_scale else []
    return Agreement(
        answers=len(shared),
        one_side_only=len(one.keys() ^ other.keys()),
        kappa=kappa(graded, MOST + 1, "quadratic"),
        spearman=spearman([left for left, _ in pairs], [right for _, right in pairs]).rho,
        mean_difference=fmean(differences) if differences and one_scale else None,
        mean_absolute_difference=fmean(map(abs, differences)) if differences and one_scale else None,
        orders=len(orders),
        same_order=fmean(left == right for left, right in orders) if orders else None,
        order_kappa=kappa(orders, 3, None),
    )


def kappa(pairs: Sequence[tuple[int, int]], classes: int, weights: str | None) -> float | None:
    """Return Cohen's kappa of classes 0 to `classes` - 1; None where both sides say the same one thing, or nothing."""
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    if len({one for one, _ in pairs} | {other for _, other in pairs}) < 2:
        return None
    table = np.zeros((classes, classes))
    for one, other in pairs:
        table[one, other] += 1
    value = float(cohens_kappa(table, return_results=False, wt=weights))
    return value if isfinite(value) else None


def spearman(one: Sequence[float], other: Sequence[float]) -> Correlation:
    """Return the rank correlation and its two-sided p; None where one side does not vary, or there are too few."""
    from scipy import stats

    if len(one) < FEWEST or len(set(one)) < 2 or len(set(other)) < 2:
        return Correlation(rho=None, p=None)
    found = stats.spearmanr(one, other)
    return Correlation(rho=float(found.statistic), p=float(found.pvalue))


def position_bias(judged: Sequence[Judgement]) -> dict[str, PlaceBias]:
    """Return, by place, by how much an answer scores above what its system and its question make it expect.

    In the unit of a score (0 to 10), with a 95 % interval over prompts. The systems change places, so without a bias
    every place has 0.
    """
    import numpy as np

    from zhiyin.evaluation.significance import mean_interval

    left = residuals(judged)
    places: dict[int, list[float]] = {}
    for one, value in left:
        places.setdefault(one.place, []).append(value)
    found = {}
    for place, values in sorted(places.items()):
        low, high = mean_interval(np.array(values), 0.95)
        found[str(place)] = PlaceBias(mean=fmean(values), low=low, high=high, count=len(values))
    return found


def length_bias(judged: Sequence[Judgement], people: Mapping[Key, float]) -> LengthBias:
    """Return the rank correlation of what is left of a score with what is left of the answer's log-length.

    `with_merit` may be right, since longer answers may be better. `against_people` is not: it correlates length with
    how far the judge stands above the people who rated the same answer.
    """
    left = residuals(judged)
    lengths = _centred([(one, log(1 + one.length)) for one, _ in left])
    scores = {(one.prompt_id, one.system): value for one, value in left}
    with_merit = spearman([scores[one.prompt_id, one.system] for one, _ in lengths], [value for _, value in lengths])
    above = [
        (one, (one.value or 0.0) * MOST - people[one.item, one.system])
        for one, _ in left
        if (one.item, one.system) in people
    ]
    gaps = _centred(above)
    size = {
        (one.prompt_id, one.system): value for one, value in _centred([(one, log(1 + one.length)) for one, _ in gaps])
    }
    against = spearman([value for _, value in gaps], [size[one.prompt_id, one.system] for one, _ in gaps])
    return LengthBias(with_merit=with_merit, against_people=against)


def residuals(judged: Sequence[Judgement]) -> list[tuple[Judgement, float]]:
    """Return what is left of each score when question and system are taken away; only of replies read as a whole."""
    broken = {one.prompt_id for one in judged if one.value is None}
    whole = [(one, (one.value or 0.0) * MOST) for one in judged if one.prompt_id not in broken]
    return _centred(whole)


def consistency(judged: Sequence[Judgement]) -> Consistency:
    """Say of games in both orders how often the same system won, and how often the first place did.

    Only pairs of games that were both read count. A draw in both is consistent.
    """
    games: dict[str, dict[str, dict[str, Judgement]]] = {}
    for one in judged:
        if one.kind == "win":
            games.setdefault(one.item, {}).setdefault(one.prompt_id, {})[one.system] = one
    same, first = [], []
    for prompts in games.values():
        both = list(prompts.values())
        for game in both:
            first += [one.value for one in game.values() if one.place == 1 and one.value is not None]
        for left, right in zip(both[::2], both[1::2], strict=True):
            if all(one.value is not None for game in (left, right) for one in game.values()):
                same.append(all(left[name].value == right[name].value for name in left))
    return Consistency(
        pairs_of_games=len(same),
        same_winner=fmean(same) if same else None,
        first_place_wins=fmean(first) if first else None,
    )


def _centred(pairs: Sequence[tuple[Judgement, float]]) -> list[tuple[Judgement, float]]:
    """Take away the mean of each prompt, then the mean of each system."""
    without_prompt = _without([(one.prompt_id, value) for one, value in pairs])
    without_both = _without([(one.system, value) for (one, _), value in zip(pairs, without_prompt, strict=True)])
    return [(one, value) for (one, _), value in zip(pairs, without_both, strict=True)]


def _without(named: Sequence[tuple[str, float]]) -> list[float]:
    """Take the mean of all values of a name away from each of them."""
    values: dict[str, list[float]] = {}
    for name, value in named:
        values.setdefault(name, []).append(value)
    means = {name: fmean(some) for name, some in values.items()}
    return [value - means[name] for name, value in named]


def _orders(shared: Sequence[Key], one: Mapping[Key, float], other: Mapping[Key, float]) -> Iterable[tuple[int, int]]:
    items: dict[str, list[Key]] = {}
    for key in shared:
        items.setdefault(key[0], []).append(key)
    for keys in items.values():
        for left, right in combinations(keys, 2):
            yield _sign(one[left] - one[right]), _sign(other[left] - other[right])


def _sign(difference: float) -> int:
    return 1 if abs(difference) < 1e-9 else 0 if difference > 0 else 2


def _whole(score: float) -> int:
    """Round half up, as people do."""
    return int(score + 0.5)
