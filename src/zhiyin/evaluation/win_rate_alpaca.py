"""AlpacaEval's half of `win_rate`: annotations matched with the answers, summed up, and controlled for length."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from zhiyin.evaluation.alpaca_eval import Annotation, read_annotations, write_records
from zhiyin.evaluation.alpaca_judge import annotation, pair_marks
from zhiyin.evaluation.alpaca_lengths import (
    Fitted,
    Pairs,
    gamed_difficulties,
    interval,
    length_controlled,
    predicted,
    read_gamed,
    write_weights,
)
from zhiyin.evaluation.alpaca_win_rate import WinRate, longer, moved_far, shares, win_rate
from zhiyin.evaluation.win_rate_pairs import ALPACA, Answered, Words, how_answered, shown, with_baseline
from zhiyin.evaluation.win_rate_sums import Judged
from zhiyin.records.jsonl import Rejected
from zhiyin.records.score import Score

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats, Resampling

LENGTH_CONTROLLED = "length_controlled_win_rate"
COLUMNS = (*WinRate.__struct_fields__[:-1], "mode", "avg_length", "length_controlled_winrate", "lc_standard_error")
"""The leaderboard's, as alpaca_eval writes and reads them."""


def alpaca(
    pairs: list[Answered], words: Words, out: Path, gamed: Path | None, strength: float | None, plan: Resampling
) -> Judged:
    """Read a judge's preferences; write `annotations.json`, `leaderboard.csv`, and `weights.csv` where one was fitted.

    Raises `ValueError` for annotations of other answers than these, or of another baseline's.
    """
    judged = _from_file(pairs, words.file) if words.file else _from_verdicts(pairs, words)
    given = [(pair, one) for pair, one in zip(pairs, judged, strict=True) if one is not None]
    if not given:
        raise ValueError(f"{words.file}: none of the {len(pairs)} answers is judged there")
    annotations = [one for _, one in given]
    write_records(out / "annotations.json", annotations)
    model, raw = annotations[0].generator_2, win_rate(annotations)
    fitted: tuple[Score, ...] = ()
    controls: dict[str, float] = {}
    warnings: tuple[str, ...] = ()
    if gamed is not None:
        longer_N, difficulty_N = longer(annotations), _difficulties([pair for pair, _ in given], gamed)
        rows = Pairs(shares(annotations), longer_N, difficulty_N)
        found = length_controlled(rows, read_gamed(gamed), strength)
        write_weights(out / "weights.csv", {model: found.weights})
        fitted = (_score(rows, gamed, found, plan),)
        controls = _controlled(rows, found)
        warnings = _extreme(raw.win_rate, controls["length_controlled_winrate"])
    _leaderboard(out / "leaderboard.csv", model, raw, controls)
    undecided = [(pair, one) for pair, one in zip(pairs, judged, strict=True) if one is None or math.isnan(one.share)]
    told = f"{len(undecided)} of {len(pairs)} answers have no preference of the judge and are left out of win_rate"
    return Judged(
        marks=tuple(mark for pair, one in given for mark in pair_marks(pair.prompt, one)),
        fitted=fitted,
        rejected=tuple(
            Rejected(pair.prompt.id, "no preference" if one else "not judged", pair.completion.text)
            for pair, one in undecided
        ),
        undecided=Counter(pair.prompt.group for pair, _ in undecided),
        judge=how_answered(words.verdicts) if words.verdicts else sorted({one.annotator for one in annotations}),
        warnings=((told,) if undecided else ()) + warnings,
    )


def _from_file(pairs: list[Answered], file: Path) -> list[Annotation | None]:
    """Return the annotation of each answer, by instruction; None where the file has none."""
    found = {one.instruction: one for one in read_annotations(file)}
    asked = {pair.prompt.messages[-1].content for pair in pairs}
    unknown = [one for one in found if one not in asked]
    if unknown:
        raise ValueError(f"{file}: {len(unknown)} instructions were not asked here, the first one {unknown[0][:60]!r}")
    for pair in pairs:
        one = found.get(pair.prompt.messages[-1].content)
        if one is not None and one.output_2 != pair.completion.text:
            raise ValueError(f"{file}: prompt {pair.prompt.id}: output_2 is another answer than the one given here")
        if one is not None and pair.prompt.reference not in ("", one.output_1):
            raise ValueError(
                f"{file}: prompt {pair.prompt.id}: output_1 is another answer than that of the baseline "
                f"{pair.prompt.meta['baseline']}"
            )
    return [found.get(pair.prompt.messages[-1].content) for pair in pairs]


def _from_verdicts(pairs: list[Answered], words: Words) -> list[Annotation | None]:
    with_baseline(pairs, ALPACA)
    said, model, seed = words.said(), str(words.setting("model")), int(words.setting("seed") or 0)
    missing = [pair.prompt.id for pair in pairs if pair.prompt.id not in said]
    if missing:
        raise ValueError(f"the judge was not asked about {shown(missing)}")
    return [annotation(one, answer.text, said[one.id], model, seed) for one, answer in pairs]


def _difficulties(pairs: Sequence[Answered], gamed: Path) -> Floats:
    known = gamed_difficulties(gamed)
    places = [int(str(pair.prompt.meta["index"])) for pair in pairs]
    missing = [str(place) for place in places if place not in known]
    if missing:
        raise ValueError(f"{gamed} does not say how hard these instructions are: {shown(missing)}")
    return np.array([known[place] for place in places])


def _score(rows: Pairs, gamed: Path, found: Fitted, plan: Resampling) -> Score:
    low, high = interval(rows, read_gamed(gamed), found, plan)
    judged = int((~np.isnan(rows.shares_N)).sum())
    mean = float(predicted(found.weights, rows.difficulty_N).mean())
    return Score(ALPACA, LENGTH_CONTROLLED, "", mean, low, high, judged, len(rows.shares_N) - judged)


def _controlled(rows: Pairs, found: Fitted) -> dict[str, float]:
    rates_N = 100 * predicted(found.weights, rows.difficulty_N)
    error = float(rates_N.std(ddof=1)) / math.sqrt(len(rates_N)) if len(rates_N) > 1 else 0.0
    return {"length_controlled_winrate": float(rates_N.mean()), "lc_standard_error": error}


def _extreme(raw: float, controlled: float) -> tuple[str, ...]:
    if not moved_far(raw, controlled):
        return ()
    before, after = f"{raw:.1f} %", f"{controlled:.1f} %"
    return (f"control of length moved the win rate from {before} to {after}, so far that the fit may have failed",)


def _leaderboard(file: Path, model: str, raw: WinRate, controls: dict[str, float]) -> None:
    """Write the line of AlpacaEval's leaderboard, as its tools read it."""
    row = {**structs.asdict(raw), "mode": "community", **controls}
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("", *COLUMNS))
        table.writerow((model, *(row.get(column, "") for column in COLUMNS)))
