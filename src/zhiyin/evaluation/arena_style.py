"""The style of an answer, and how far two answers differ in it: what Arena-Hard's style control holds still."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from zhiyin.evaluation.arena_hard import Battle

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Floats

Edition = Literal["v0.1", "v2"]
FEATURES = ("length", "headers", "lists", "bold")

_CODE = re.compile(r"```[^`]*```")
_HEADER = re.compile(r"^#{1,6}\s", re.MULTILINE)
_LIST = re.compile(r"^\s*(?:\d+\.|[-*+])\s", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


class Style(NamedTuple):
    """An answer's length, in tokens or in characters but the same for both sides, and its Markdown elements."""

    length: float
    headers: int = 0
    lists: int = 0
    bold: int = 0


def style(text: str, length: float | None = None) -> Style:
    """Count an answer's Markdown elements outside blocks of code; its length is in characters unless given.

    As `add_markdown_info.py` counts them, except that it gives the length in tokens of GPT-4o.
    """
    prose = _CODE.sub("", text)
    counts = (len(pattern.findall(prose)) for pattern in (_HEADER, _LIST, _BOLD))
    return Style(len(text) if length is None else length, *counts)


def differences(
    battles: Sequence[Battle], styles: Mapping[tuple[str, str], Style], edition: Edition, markdown: bool = True
) -> Floats:
    """Return (N, 4) how far the model's style exceeds the baseline's, or (N, 1) in length alone; each from -1 to 1.

    v2 compares lengths as (a - b) / (a + b), and densities, count / (length + 1), as (a - b) / (a + b + 1). v0.1
    compares everything, the counts themselves, as (a - b) / (a + b + 1). `styles` is by model and question; raises
    `ValueError` when one is missing.
    """
    rows = []
    for battle in battles:
        for side in (battle.model, battle.baseline):
            if (side, battle.uid) not in styles:
                raise ValueError(f"question {battle.uid}: the style of {side}'s answer is not known")
        model, baseline = (_measured(styles[side, battle.uid], edition) for side in (battle.model, battle.baseline))
        pairs = list(zip(model, baseline, strict=True))[: None if markdown else 1]
        plus = [0.0 if edition == "v2" and place == 0 else 1.0 for place in range(len(pairs))]
        rows.append([(a - b) / (a + b + more) if a + b else 0.0 for (a, b), more in zip(pairs, plus, strict=True)])
    return np.array(rows, float)


def _measured(one: Style, edition: Edition) -> tuple[float, ...]:
    per = one.length + 1 if edition == "v2" else 1
    return (one.length, one.headers / per, one.lists / per, one.bold / per)


def standardised(raw_NF: Floats, weights_N: Floats, centred: bool) -> Floats:
    """Return (N, F) the features over their standard deviation; `centred` takes their mean away first.

    The originals centre. A win rate at 0 of centred features is one at the *average* difference of style, which for
    a single model is the difference it has, so that control then changes next to nothing; without centring it is a
    win rate between answers of equal style. A feature that does not vary is 0. Weights count as copies of a row.
    """
    mean_F = np.average(raw_NF, axis=0, weights=weights_N)
    spread_F = np.sqrt(np.average((raw_NF - mean_F) ** 2, axis=0, weights=weights_N))
    shifted_NF = raw_NF - mean_F if centred else raw_NF
    return np.where(spread_F > 1e-12, shifted_NF / np.where(spread_F > 1e-12, spread_F, 1.0), 0.0)
