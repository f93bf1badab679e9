"""AlpacaEval's files and raw win rate: hand-computed, and the published figures from the real files."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zhiyin.evaluation.alpaca_eval import Annotation, Output, read_annotations, read_outputs, write_records
from zhiyin.evaluation.alpaca_win_rate import longer, moved_far, shares, win_rate

REAL = Path(__file__).parents[3] / "shared" / "data" / "alpaca_eval"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real AlpacaEval in ../shared/data/alpaca_eval")
JUDGED = REAL / "results" / "gemma-7b-it" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"


def pair(number: int, preference: float | None, one: str = "基线", two: str = "模型答") -> Annotation:
    return Annotation(f"问题{number}", one, "base", two, "mine", preference=preference)


def written(folder: Path, rows: Any) -> Path:
    file = folder / "rows.json"
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return file


def test_a_win_rate_by_hand() -> None:
    """Shares 1, 0.25, 0.5 (a draw, written 0), 0.5 (a draw, written 1.5); the fifth has no preference."""
    found = win_rate([pair(0, 2.0), pair(1, 1.25), pair(2, 0), pair(3, 1.5), pair(4, None, two="模型长一点")])
    assert found.win_rate == pytest.approx(56.25)
    deviation = math.sqrt(((1 - 0.5625) ** 2 + (0.25 - 0.5625) ** 2 + 2 * (0.5 - 0.5625) ** 2) / 3)
    assert found.standard_error == pytest.approx(100 * deviation / 2)
    assert (found.n_wins, found.n_wins_base, found.n_draws, found.n_total) == (1, 1, 2, 4)
    assert found.discrete_win_rate == 50.0
    assert found.avg_length == 3  # (4 * 3 + 5) / 5 = 3.4
    assert win_rate([pair(0, 2.0)]).standard_error == 0.0
    with pytest.raises(ValueError, match="none of 2 pairs has a preference"):
        win_rate([pair(0, None), pair(1, math.nan)])


def test_shares_and_lengths_are_the_baselines_minus_the_models_in_characters() -> None:
    rows = [pair(0, 1.0), pair(1, None, one="很长的基线", two="短")]
    assert longer(rows).tolist() == [-1.0, 4.0]
    assert shares(rows)[0] == 0.0
    assert np.isnan(shares(rows)[1])


@pytest.mark.parametrize(
    ("raw", "controlled", "far"),
    [(20, 9.9, True), (20, 10.1, False), (80, 59.9, True), (20, 40.1, True), (20, 39.9, False), (50, 61, False)],
)
def test_a_win_rate_that_moved_far_is_told(raw: float, controlled: float, far: bool) -> None:
    """Below 75 % of the raw rate and 10 points under it, or above a quarter of the way to 100 and 10 points over it."""
    assert moved_far(raw, controlled) == far


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    outputs = [Output("问", "答\u2028。", "mine", "koala"), Output("再问", "", "mine")]
    write_records(tmp_path / "outputs.json", outputs)
    assert read_outputs(tmp_path / "outputs.json") == outputs
    rows = [pair(0, 1.25), pair(1, None), pair(2, 0)]
    write_records(tmp_path / "annotations.json", rows)
    assert read_annotations(tmp_path / "annotations.json") == rows
    plain = json.loads((tmp_path / "annotations.json").read_text(encoding="utf-8"))
    assert plain[0]["preference"] == 1.25
    assert {"instruction", "output_1", "generator_1", "output_2", "generator_2", "annotator"} <= plain[0].keys()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"preference": 2.5}, r"rows\.json: record 1: preference 2.5 is neither 0 nor from 1 to 2"),
        ({"preference": 0.5}, "record 1: preference 0.5"),
        ({"preference": "M"}, r"rows\.json: record 1: not an Annotation: .*preference"),
        ({"output_2": None}, r"record 1: not an Annotation: .*output_2"),
        ({"generator_2": "other"}, "record 1 compares base with other, the first one base with mine"),
        ({"instruction": "问题0"}, "records 0 and 1 hold the same instruction: '问题0'"),
    ],
)
def test_a_bad_annotation_is_named(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    row = {"output_1": "a", "generator_1": "base", "output_2": "b", "generator_2": "mine", "preference": 1.5}
    rows = [{**row, "instruction": "问题0"}, {**row, "instruction": "问题1"} | changed]
    with pytest.raises(ValueError, match=message):
        read_annotations(written(tmp_path, rows))


def test_a_file_that_is_no_array_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"rows\.json: expected an array of records"):
        read_outputs(written(tmp_path, {"instruction": "问"}))
    with pytest.raises(ValueError, match="expected an array of records, found '\\[\\]'"):
        read_outputs(written(tmp_path, []))
    (tmp_path / "rows.json").write_text("[{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.json: not JSON"):
        read_outputs(tmp_path / "rows.json")


def test_a_preference_that_their_tool_wrote_as_nan_is_none(tmp_path: Path) -> None:
    file = written(tmp_path, [{"instruction": "问", "output_1": "a", "generator_1": "b", "output_2": "c"}])
    text = file.read_text(encoding="utf-8").replace("}", ', "generator_2": "m", "preference": NaN}')
    file.write_text(text, encoding="utf-8")
    (one,) = read_annotations(file)
    assert math.isnan(one.share)


def leaderboard() -> dict[str, dict[str, str]]:
    with (REAL / "leaderboard.csv").open(encoding="utf-8", newline="") as lines:
        return {row[""]: row for row in csv.DictReader(lines)}


@real
def test_the_published_figures_of_a_whole_annotation_file() -> None:
    found, published = win_rate(read_annotations(JUDGED)), leaderboard()["gemma-7b-it"]
    for name in ("win_rate", "standard_error", "discrete_win_rate"):
        assert getattr(found, name) == pytest.approx(float(published[name]), rel=0, abs=1e-9)
    for name in ("n_wins", "n_wins_base", "n_draws", "n_total", "avg_length"):
        assert getattr(found, name) == int(published[name])


@real
def test_the_published_raw_figures_of_ten_models() -> None:
    """The derived file leaves out pairs without a preference, and so the lengths of their answers."""
    models: dict[str, list[Annotation]] = {}
    with (REAL / "lc_check" / "preferences_10_models.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rows = models.setdefault(row["model"], [])
            one, two = "a" * int(row["len_1"]), "b" * int(row["len_2"])
            rows.append(pair(int(row["index"]), float(row["preference"]), one, two))
    assert len(models) == 10
    published = leaderboard()
    for name, rows in models.items():
        found = win_rate(rows)
        assert found.win_rate == pytest.approx(float(published[name]["win_rate"]), rel=0, abs=1e-9)
        assert found.standard_error == pytest.approx(float(published[name]["standard_error"]), rel=0, abs=1e-9)
        counts = (found.n_wins, found.n_wins_base, found.n_draws, found.n_total)
        assert counts == tuple(int(published[name][key]) for key in ("n_wins", "n_wins_base", "n_draws", "n_total"))
        assert abs(found.avg_length - int(published[name]["avg_length"])) <= 4 * (805 - len(rows))


@real
def test_the_real_files_belong_together() -> None:
    mine = read_outputs(REAL / "results" / "gemma-7b-it" / "model_outputs.json")
    base = read_outputs(REAL / "results" / "gpt4_1106_preview" / "model_outputs.json")
    judged = read_annotations(JUDGED)
    assert len(mine) == len(base) == len(judged) == 805
    for answer, other, one in zip(mine, base, judged, strict=True):
        assert (one.instruction, one.output_1, one.output_2) == (answer.instruction, other.output, answer.output)
