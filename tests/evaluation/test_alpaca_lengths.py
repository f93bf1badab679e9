"""The length-controlled win rate: the formula, the fit and its choice of strength, and published figures."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from zhiyin.evaluation.alpaca_lengths import (
    STRENGTHS,
    Gamed,
    Pairs,
    Weights,
    against,
    gamed_difficulties,
    interval,
    length_controlled,
    predicted,
    read_difficulties,
    read_gamed,
    read_weights,
    training,
    write_weights,
)
from zhiyin.evaluation.significance import Floats, Resampling
from zhiyin.evaluation.win_rate_logistic import Penalty, fit

REAL = Path(__file__).parents[3] / "shared" / "data" / "alpaca_eval"
CHECK = REAL / "lc_check"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real AlpacaEval in ../shared/data/alpaca_eval")


def judged(true: Weights, count: int = 1000, seed: int = 0) -> Pairs:
    """Return pairs whose shares are exactly what a model with these weights says."""
    generator = np.random.default_rng(seed)
    longer_N, difficulty_N = generator.normal(0, 700, count), generator.normal(0, 1, count)
    scaled_N = np.tanh(longer_N / longer_N.std(ddof=1))
    shares_N = expit(true.length * scaled_N + true.difficulty * difficulty_N + true.base)
    return Pairs(shares_N, longer_N, difficulty_N)


def gamed(count: int = 100) -> Gamed:
    generator = np.random.default_rng(7)
    features_G3: Floats = np.stack(
        [generator.normal(0, 0.5, count), generator.normal(0, 1, count), np.zeros(count)], axis=1
    )
    return Gamed(features_G3, expit(features_G3 @ np.array([-1.5, 0.8, 0.0])))


def test_the_formula_by_hand() -> None:
    """At equal length: sigma(0.5 + 2 * 1) and sigma(0.5); another baseline: the weights' differences."""
    shares = predicted(Weights(-3.0, 2.0, 0.5), np.array([1.0, 0.0]))
    assert shares == pytest.approx([0.9241418199787566, 0.6224593312018546])
    other = against(Weights(-3.0, 2.0, 0.5), Weights(-1.0, 1.0, 1.5), np.array([1.0, 0.0]))
    assert other == pytest.approx([0.5, 0.2689414213699951])
    assert against(Weights(1, 2, 3), Weights(1, 2, 3), np.array([4.0])) == pytest.approx([0.5])


def test_the_strengths_are_scikit_learns() -> None:
    assert np.array_equal(STRENGTHS, np.logspace(-4, 4, 10))


def test_the_rows_by_hand() -> None:
    """Differences of 2 and -2 characters have the deviation 2.83 (n - 1); the third pair has no preference."""
    pairs = Pairs(np.array([1.0, 0.25, np.nan]), np.array([3.0, -3.0, 0.0]), np.array([0.5, 0.0, 1.0]))
    rows = training(pairs, Gamed(np.array([[0.7, 0.1, 0.0]]), np.array([0.4])))
    assert rows.features_NK == pytest.approx(
        np.array([[0.7, 0.1, 0.0], [np.tanh(1.0), 0.5, 1.0], [np.tanh(-1.0), 0.0, 1.0]])
    )
    assert rows.labels_N.tolist() == [0.4, 1.0, 0.25]
    assert rows.weights_N.tolist() == [0.1, 1.0, 1.0]


def test_exact_shares_give_their_weights_back() -> None:
    true = Weights(-1.5, 0.9, -1.0)
    pairs = judged(true)
    found = length_controlled(pairs, None, strength=1e4)
    assert found.weights == pytest.approx(true, abs=1e-3)
    rate = float(predicted(found.weights, pairs.difficulty_N).mean())
    assert rate == pytest.approx(float(predicted(true, pairs.difficulty_N).mean()), abs=1e-4)
    assert rate != pytest.approx(float(pairs.shares_N.mean()), abs=1e-2)


def test_gamed_rows_hold_the_length_where_answers_cannot_tell() -> None:
    """The better the answer, the longer: alone, the fit blames the length; with gamed rows it does so less."""
    pairs = judged(Weights(-4.0, 0.8, 0.0), 200)
    alone = length_controlled(pairs, None, 100.0).weights.length
    held = length_controlled(pairs, gamed(20_000), 100.0).weights.length
    assert alone == pytest.approx(-4.0, abs=0.1)
    assert held > -2.5


def slowly(pairs: Pairs, others: Gamed) -> float:
    """Pick the strength as the original does: rows doubled with labels 0 and 1, whole losses, one fold at a time."""
    rows = training(pairs, others)
    best, least = 0.0, np.inf
    for strength in STRENGTHS:
        total = 0.0
        for fold in range(5):
            seen = np.array([row % 5 != fold for row in range(len(rows.labels_N))])
            coefficients = fit(rows.at(seen), Penalty(l1=1 / strength))
            lost = []
            for features, label, weight in zip(
                rows.features_NK[~seen], rows.labels_N[~seen], rows.weights_N[~seen], strict=True
            ):
                q = 1 / (1 + np.exp(-features @ coefficients))
                for _ in range(2):
                    lost.append(-weight * (label * np.log(q) + (1 - label) * np.log(1 - q)))
            total += float(np.mean(lost)) / 5
        if total < least:
            best, least = strength, total
    return best


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_strength_is_the_one_of_the_slow_search(seed: int) -> None:
    generator = np.random.default_rng(seed)
    pairs = judged(Weights(-1.0, 0.1, -1.0), 60, seed)
    noisy = Pairs((generator.random(60) < pairs.shares_N).astype(float), pairs.longer_N, pairs.difficulty_N)
    assert length_controlled(noisy, gamed(40)).strength == slowly(noisy, gamed(40))


def test_the_interval_holds_the_fits_own_uncertainty() -> None:
    """Judgments of the same 4 in 10, once for 100 and once for 400 pairs: the interval halves, and is not narrow."""
    widths = []
    for count in (100, 400):
        pairs = judged(Weights(-1.0, 0.8, -0.5), count)
        won_N = np.asarray(np.random.default_rng(3).random(count) < pairs.shares_N, np.float64)
        noisy = Pairs(won_N, pairs.longer_N, pairs.difficulty_N)
        fitted = length_controlled(noisy, gamed(), 100.0)
        low, high = interval(noisy, gamed(), fitted, Resampling(resamples=200))
        rates_N = predicted(fitted.weights, noisy.difficulty_N)
        assert low < float(rates_N.mean()) < high
        assert high - low > 2 * 1.96 * float(rates_N.std(ddof=1)) / count**0.5
        widths.append(high - low)
    assert 1.5 < widths[0] / widths[1] < 2.7
    again = interval(noisy, gamed(), fitted, Resampling(resamples=200))
    assert again == (low, high)


def test_what_cannot_be_fitted_is_refused() -> None:
    nothing = Pairs(np.full(3, np.nan), np.arange(3.0), np.zeros(3))
    with pytest.raises(ValueError, match="no pair has a preference"):
        length_controlled(nothing, gamed())
    same = Pairs(np.array([0.2, 0.4]), np.array([5.0, 5.0]), np.zeros(2))
    with pytest.raises(ValueError, match="differ by the same number of characters"):
        length_controlled(same, gamed())
    with pytest.raises(ValueError, match="2 judged pairs are too few for 5 folds"):
        length_controlled(Pairs(np.array([0.2, 0.4]), np.array([5.0, 6.0]), np.zeros(2)), None)


def test_tables_are_read_and_bad_lines_named(tmp_path: Path) -> None:
    file = tmp_path / "weights.csv"
    write_weights(file, {"mine": Weights(-1.25, 0.5, 0.1)})
    assert file.read_text(encoding="utf-8").splitlines() == [
        ",np.tanh(std_delta_len),instruction_difficulty,not_gamed_baseline.astype(float)",
        "mine,-1.2500000000000000,0.5000000000000000,0.1000000000000000",
    ]
    assert read_weights(file) == {"mine": Weights(-1.25, 0.5, 0.1)}
    file.write_text("index,instruction_difficulty\n0,1.5\n2,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"weights\.csv:3: expected instruction 1, found 2"):
        read_difficulties(file)
    file.write_text("index,instruction_difficulty\n0,hard\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"weights\.csv:2: not a number: .*hard"):
        read_difficulties(file)
    with pytest.raises(
        ValueError, match=r"weights\.csv: no column np\.tanh\(std_delta_len\), not_.*; there are index, ins"
    ):
        read_weights(file)
    file.write_text("index,instruction_difficulty\n0,1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"weights\.csv:2: expected 2 columns, found 3"):
        read_difficulties(file)
    file.write_text("index,instruction_difficulty\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no rows"):
        read_difficulties(file)
    file.write_text(
        "std_delta_len,preference,not_gamed_baseline,instruction_difficulty,index\n1.5,,False,0.25,4\n0,0.5,False,9,4\n",
        encoding="utf-8",
    )
    found = read_gamed(file)
    assert found.features_G3.tolist() == [[0.0, 9.0, 0.0]]
    assert gamed_difficulties(file) == {4: 0.25}
    header = "model,index,std_delta_len,instruction_difficulty,not_gamed_baseline,preference\n"
    file.write_text(header + "brief,0,1.5,0.25,False,0.4\n", encoding="utf-8")
    found = read_gamed(file)
    assert found.features_G3 == pytest.approx(np.array([[np.tanh(1.5), 0.25, 0.0]]))
    assert found.shares_G.tolist() == [0.4]
    file.write_text(header + "brief,0,1.5,0.25,True,0.4\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not_gamed_baseline must be False"):
        read_gamed(file)
    file.write_text(header + "brief,0,1.5,0.25,False,1.4\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the preference must lie between 0 and 1 here"):
        read_gamed(file)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@real
def test_published_weights_predict_the_published_leaderboard() -> None:
    """189 of 199 within 1e-6. Eight more have fewer pairs than instructions: the original takes an instruction's place
    in the annotation file for its number, and so averages over the first n difficulties. That leaves two, which were
    fitted again after their entry.
    """
    difficulty_N = read_difficulties(CHECK / "instruction_difficulty.csv")
    weights = read_weights(REAL / "glm_weights.csv")
    off: dict[str, float] = {}
    shifted: dict[str, float] = {}
    rows = [row for row in rows_of(REAL / "leaderboard.csv") if row[""] in weights and row["length_controlled_winrate"]]
    for row in rows:
        name, published, count = row[""], float(row["length_controlled_winrate"]), int(row["n_total"])
        error = abs(100 * predicted(weights[name], difficulty_N).mean() - published)
        if error > 1e-6:
            off[name] = error
            shifted[name] = abs(100 * predicted(weights[name], difficulty_N[:count]).mean() - published)
    assert (len(rows), len(off)) == (199, 10)
    unexplained = {name for name, error in shifted.items() if error > 1e-9}
    assert unexplained == {"dbrx-instruct", "NullModel"}
    assert max(off.values()) < 0.2
    assert predicted(weights["gpt4_1106_preview"], difficulty_N).mean() == 0.5


def pairs_of(model: str, difficulty_N: Floats) -> Pairs:
    rows = [row for row in rows_of(CHECK / "preferences_10_models.csv") if row["model"] == model]
    preferences = np.array([float(row["preference"]) or 1.5 for row in rows])
    lengths = [float(row["len_1"]) - float(row["len_2"]) for row in rows]
    return Pairs(preferences - 1, np.array(lengths), difficulty_N[[int(row["index"]) for row in rows]])


@real
def test_ten_models_fitted_anew_come_within_the_stated_bounds_of_the_leaderboard() -> None:
    """0.15 points, the bound of SOURCE.md, and what its own check got, to 1e-5.

    phi-2 and alpaca-7b_concise lack pairs. With the difficulties that the original then mixes up they come within
    0.06 of the leaderboard; with the right ones phi-2 is 0.56 away. The derived file lacks those pairs' lengths too.
    """
    difficulty_N, others = (
        read_difficulties(CHECK / "instruction_difficulty.csv"),
        read_gamed(CHECK / "df_gamed.pseudo.csv"),
    )
    expected = rows_of(CHECK / "expected.csv")
    assert len(expected) == 10
    for row in expected:
        pairs = pairs_of(row["model"], difficulty_N)
        fitted = length_controlled(pairs, others, strength=100.0)
        rate = 100 * float(predicted(fitted.weights, pairs.difficulty_N).mean())
        partial = row["model"] in ("phi-2", "alpaca-7b_concise")
        assert rate == pytest.approx(float(row["lc_fit_pseudo_gamed"]), rel=0, abs=0.016 if partial else 1e-5)
        if not partial:
            assert rate == pytest.approx(float(row["lc_published"]), rel=0, abs=0.15)
            continue
        count = len(pairs.shares_N)
        shifted = Pairs(pairs.shares_N, pairs.longer_N, difficulty_N[:count])
        again = length_controlled(shifted, others, strength=100.0)
        assert 100 * predicted(again.weights, shifted.difficulty_N).mean() == pytest.approx(
            float(row["lc_published"]), rel=0, abs=0.06
        )


@real
def test_cross_validation_and_no_regulariser_on_real_preferences() -> None:
    """The strength is picked by cross-validation within 0.35 points; without gamed rows `gpt4_gamed` is far off."""
    difficulty_N, others = (
        read_difficulties(CHECK / "instruction_difficulty.csv"),
        read_gamed(CHECK / "df_gamed.pseudo.csv"),
    )
    for model, published in (("gemma-7b-it", 10.425760), ("gpt4_gamed", 12.188764)):
        pairs = pairs_of(model, difficulty_N)
        fitted = length_controlled(pairs, others)
        assert fitted.strength in STRENGTHS
        assert 100 * predicted(fitted.weights, pairs.difficulty_N).mean() == pytest.approx(published, rel=0, abs=0.35)
    alone = length_controlled(pairs, None, 100.0)
    assert 100 * predicted(alone.weights, pairs.difficulty_N).mean() > published + 10
