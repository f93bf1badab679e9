"""Bradley-Terry, control of style and the bootstrap: against closed forms, statsmodels and the originals' rows."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit

from zhiyin.evaluation.arena_hard import Battle, read_answers
from zhiyin.evaluation.arena_scores import (
    Style,
    Table,
    bootstrap,
    controlled,
    elo,
    percentiles,
    strengths,
    win_rates,
)
from zhiyin.evaluation.arena_style import Edition, differences, standardised, style
from zhiyin.evaluation.arena_style import Style as StyleOf
from zhiyin.evaluation.significance import Floats, Resampling

REAL = Path(__file__).parents[3] / "shared" / "data" / "arena_hard"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real Arena-Hard in ../shared/data/arena_hard")


def games(models: Sequence[str] = ("mine",), questions: int = 60, seed: int = 0) -> list[Battle]:
    """Return two games a question; later models win more often."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(questions):
        for place, model in enumerate(models):
            for _ in range(2):
                share = float(generator.choice([0.0, 0.5, 1.0], p=[0.5 - place / 10, 0.2, 0.3 + place / 10]))
                weight = 3.0 if share != 0.5 and generator.random() < 0.4 else 1.0
                found.append(Battle(str(number), model, "base", share, weight))
    return found


def weighted_mean(battles: Sequence[Battle], model: str) -> float:
    own = [one for one in battles if one.model == model]
    return sum(one.weight * one.share for one in own) / sum(one.weight for one in own)


def test_against_one_baseline_bradley_terry_is_the_weighted_mean_score() -> None:
    battles = games(("a", "b", "c"))
    table = Table.of(battles)
    fitted = expit(strengths(table, "base"))
    closed = win_rates(table, "base")
    assert table.models == ("a", "b", "base", "c")
    assert fitted == pytest.approx(closed, abs=1e-9)
    for model in ("a", "b", "c"):
        assert closed[table.place(model)] == pytest.approx(weighted_mean(battles, model), abs=1e-12)
    assert closed[table.place("base")] == 0.5


def exploded(battles: Sequence[Battle]) -> tuple[Floats, Floats, list[str]]:
    """Build v0.1's rows: copies by weight, all of them twice, and a tie as one win and one loss; ln 10 at each side."""
    models = sorted({one.model for one in battles} | {one.baseline for one in battles})
    rows, won = [], []
    for one in battles:
        side = np.zeros(len(models))
        side[models.index(one.model)], side[models.index(one.baseline)] = math.log(10), -math.log(10)
        for _ in range(int(one.weight)):
            for copy in range(2):
                rows.append(side)
                won.append(one.share if one.share != 0.5 else float(copy))
    return np.array(rows), np.array(won), models


def test_strengths_are_those_of_a_binomial_regression_on_the_originals_rows() -> None:
    """Models met one another as well, so that no closed form applies."""
    battles = [*games(("a", "b")), *(one._replace(baseline="a", model="b") for one in games(seed=5))]
    table = Table.of(battles)
    features, won, models = exploded(battles)
    kept = [place for place, name in enumerate(models) if name != "base"]
    fitted = sm.GLM(won, features[:, kept], family=sm.families.Binomial()).fit(tol=1e-12).params
    ratings = dict(zip(table.models, elo(strengths(table, "base")), strict=True))
    assert ratings["base"] == 1000.0
    for name, value in zip([models[place] for place in kept], fitted, strict=True):
        assert ratings[name] == pytest.approx(1000 + 400 * value, abs=1e-6)
        share = 1 / (1 + 10 ** ((1000 - ratings[name]) / 400))
        assert win_rates(table, "base")[table.place(name)] == pytest.approx(share, abs=1e-9)


def test_a_model_that_won_everything_has_the_rate_1() -> None:
    battles = [Battle(str(n), model, other, 1.0, 1.0) for n in range(9) for model, other in (("a", "base"), ("b", "a"))]
    rates = win_rates(Table.of(battles), "base")
    assert rates == pytest.approx([1.0, 1.0, 0.5], abs=1e-6)


def test_no_battles_and_unknown_models_are_errors() -> None:
    with pytest.raises(ValueError, match="no verdict could be read"):
        Table.of([])
    with pytest.raises(ValueError, match="no battle with o3; there are base, mine"):
        win_rates(Table.of(games()), "o3")


def test_markdown_is_counted_outside_code() -> None:
    text = "# 题\n#无空格\n## 二\n- 一\n* 二\n  3. 三\n**粗** __也__ ** \n```\n# 码\n- 码\n**码**\n```\n"
    assert style(text) == StyleOf(len(text), headers=2, lists=3, bold=2)
    assert style("答", 7.0) == StyleOf(7.0)


@pytest.mark.parametrize(
    ("edition", "expected"),
    [
        ("v2", [(30 - 10) / 40, (2 / 31 - 1 / 11) / (2 / 31 + 1 / 11 + 1), 0.0, (3 / 31) / (3 / 31 + 1)]),
        ("v0.1", [20 / 41, 1 / 4, 0.0, 3 / 4]),
    ],
)
def test_differences_of_style_by_hand(edition: Edition, expected: list[float]) -> None:
    styles = {("mine", "q"): StyleOf(30, 2, 0, 3), ("base", "q"): StyleOf(10, 1, 0, 0)}
    battles = [Battle("q", "mine", "base", 1.0, 1.0)]
    assert differences(battles, styles, edition).tolist() == [pytest.approx(expected)]
    assert differences(battles, styles, edition, markdown=False).tolist() == [pytest.approx(expected[:1])]
    with pytest.raises(ValueError, match="question q: the style of base's answer is not known"):
        differences(battles, {("mine", "q"): StyleOf(1)}, edition)
    empty = {("mine", "q"): StyleOf(0), ("base", "q"): StyleOf(0)}
    assert differences(battles, empty, edition).tolist() == [[0.0] * 4]


def test_standardised_features_count_weights_as_copies() -> None:
    raw_NF, weights_N = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]]), np.array([1.0, 3.0, 1.0])
    copies = np.array([1.0, 2.0, 2.0, 2.0, 4.0])
    found = standardised(raw_NF, weights_N, centred=True)
    assert found[:, 0] == pytest.approx((raw_NF[:, 0] - copies.mean()) / copies.std())
    assert found[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert standardised(raw_NF, weights_N, centred=False)[:, 0] == pytest.approx(raw_NF[:, 0] / copies.std())


def wordy(true: float, liking: float, models: dict[str, float], questions: int = 3000) -> tuple[list[Battle], Floats]:
    """Return the battles of models that write `models[name]` longer than the baseline, before a judge who likes that.

    Every share is exactly the logistic of `true` plus `liking` times the difference in length.
    """
    generator = np.random.default_rng(1)
    battles, raw = [], []
    for number in range(questions):
        for name, longer in models.items():
            difference = float(np.clip(longer + generator.normal(0, 0.2), -1, 1))
            share = float(expit(true + liking * difference))
            battles.append(Battle(str(number), name, "base", share, 1.0))
            raw.append([difference])
    return battles, np.array(raw)


def test_uncentred_control_gives_the_rate_between_answers_of_equal_length() -> None:
    battles, raw_NF = wordy(-0.4, 2.0, {"mine": 0.3})
    table = Table.of(battles)
    rates, coefficients = controlled(table, "base", Style(raw_NF, "v2", centred=False))
    assert rates[table.place("mine")] == pytest.approx(expit(-0.4), abs=1e-6)
    assert coefficients == pytest.approx([2.0 * raw_NF.std()], abs=1e-5)
    assert win_rates(table, "base")[table.place("mine")] > 0.52


def test_centred_control_of_a_single_model_changes_next_to_nothing() -> None:
    """The originals': a rate at the average difference, which for one model is the difference it has."""
    battles, raw_NF = wordy(-0.4, 2.0, {"mine": 0.3})
    table = Table.of(battles)
    rates, _ = controlled(table, "base", Style(raw_NF, "v2"))
    assert rates[table.place("mine")] == pytest.approx(expit(-0.4 + 2.0 * raw_NF.mean()), abs=1e-6)
    assert rates[table.place("mine")] == pytest.approx(win_rates(table, "base")[table.place("mine")], abs=0.01)


def test_centred_control_of_several_models_moves_them_together() -> None:
    """Two equally good models, one of them wordy: apart before, equal after."""
    battles, raw_NF = wordy(0.0, 2.0, {"brief": -0.3, "wordy": 0.3})
    table = Table.of(battles)
    raw = win_rates(table, "base")
    rates, _ = controlled(table, "base", Style(raw_NF, "v2"))
    assert raw[table.place("wordy")] - raw[table.place("brief")] > 0.25
    assert rates[table.place("wordy")] == pytest.approx(rates[table.place("brief")], abs=1e-6)


def test_the_first_editions_control_is_ridge_regression_on_its_rows() -> None:
    """The slope of the loss on the original's doubled rows is minus the coefficients: scikit-learn's C of 1."""
    battles = games(("a", "b"), 80)
    generator = np.random.default_rng(2)
    raw_NF = generator.uniform(-1, 1, (len(battles), 4))
    table = Table.of(battles)
    rates, coefficients = controlled(table, "base", Style(raw_NF, "v0.1"))
    sides, won, models = exploded(battles)
    copies = np.repeat(np.arange(len(battles)), [2 * int(one.weight) for one in battles])
    raw = raw_NF[copies]
    features = np.concatenate([sides, (raw - raw.mean(axis=0)) / raw.std(axis=0)], axis=1)
    # The strengths sum to 0 under this penalty, so that the anchored rates give them back.
    logits = {name: math.log(rate / (1 - rate)) / math.log(10) for name, rate in zip(table.models, rates, strict=True)}
    centre = sum(logits.values()) / len(logits)
    found = np.array([*(logits[name] - centre for name in models), *coefficients])
    slope = features.T @ (expit(features @ found) - won)
    assert slope == pytest.approx(-found, abs=1e-6)


def test_the_bootstrap_draws_questions_whole() -> None:
    """Both games and all copies of a question agree: rows are nearly twice as certain as the questions allow."""
    generator = np.random.default_rng(4)
    battles = []
    for number in range(200):
        share = float(generator.integers(2))
        battles += [Battle(str(number), "mine", "base", share, 3.0)] * 2
    table = Table.of(battles)
    plan = Resampling(resamples=400)
    place, rate = table.place("mine"), win_rates(table, "base")[table.place("mine")]
    widths = {}
    for unit in ("questions", "rows"):
        low, high = percentiles(bootstrap(table, lambda w: win_rates(table, "base", w), plan, unit), place)
        assert low < rate < high
        widths[unit] = high - low
    assert widths["questions"] == pytest.approx(2 * 1.96 * math.sqrt(rate * (1 - rate) / 200), rel=0.15)
    assert widths["questions"] / widths["rows"] == pytest.approx(math.sqrt(6), rel=0.15)


def test_the_bootstrap_is_that_of_battles_drawn_again() -> None:
    battles = games(("a", "b"), 12)
    table = Table.of(battles)
    found = bootstrap(table, lambda w: win_rates(table, "base", w), Resampling(resamples=20, seed=3))
    generator = np.random.default_rng(3)
    uids = list(dict.fromkeys(one.uid for one in battles))
    for rates in found:
        drawn = [uids[place] for place in generator.integers(12, size=12)]
        again = [one for uid in drawn for one in battles if one.uid == uid]
        assert rates[table.place("a")] == pytest.approx(weighted_mean(again, "a"))


def test_a_model_that_was_not_drawn_has_no_rate() -> None:
    battles = [*games(questions=3), Battle("lone", "rare", "base", 1.0, 1.0)]
    table = Table.of(battles)
    found = bootstrap(table, lambda w: win_rates(table, "base", w), Resampling(resamples=60))
    assert np.isnan(found[:, table.place("rare")]).any()
    assert percentiles(found, table.place("rare")) == (1.0, 1.0)


@real
def test_style_of_the_real_answers() -> None:
    """Neither judgments nor an encoding are at hand, so no published score can be recomputed; lengths must at least
    stand in the order and near the ratio of the published mean tokens: 423 for gpt-4-0314, 354 for gpt-4-0613.
    """
    found = {}
    for model in ("gpt-4-0314", "gpt-4-0613"):
        answers = read_answers(REAL / "arena-hard-v0.1" / "model_answer" / f"{model}.jsonl")
        found[model] = [style(one.text) for one in answers]
    means = {name: float(np.mean([one.length for one in styles])) for name, styles in found.items()}
    assert means["gpt-4-0314"] / means["gpt-4-0613"] == pytest.approx(423 / 354, rel=0.05)
    assert sum(one.lists for one in found["gpt-4-0314"]) > 1000
