"""A beginning that rows have in common, computed once into a cache of keys and values and lent to every batch.

Axes: B rows, P tokens of the beginning, T tokens of the rest, V vocabulary.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from zhiyin.inference.token_scores import token_scores
from zhiyin.weights.budget import lacks_memory
from zhiyin.weights.head import hidden_at, logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LAYERS = (DynamicLayer, DynamicSlidingWindowLayer)
"""Layers of a cache that hold keys and values and nothing else, and never write into them."""
_SHIFTING = ("dynamic", "longrope")
"""Rotary embeddings that turn early positions by how long the text becomes."""


@dataclass(frozen=True)
class Beginning:
    """What rows have in common."""

    ids: tuple[int, ...]
    """P tokens; none where nothing is shared."""
    first: int
    """The place of the first token that is scored in any row."""
    behind: int
    """The token at place P, which every row has where `first` is P or less."""


@dataclass(frozen=True)
class Lent:
    """A beginning as one batch uses it."""

    tokens: int = 0
    """P."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """With these the model goes on after it."""
    first: int = 1
    scores: tuple[float, ...] = ()
    """Log-probabilities of the tokens at the places `first` to P."""

    def score(self, place: int) -> float:
        """Return the sum of the log-probabilities of the tokens from a place to place P."""
        return math.fsum(self.scores[max(0, place - self.first) :])


class Prefixes:
    """Keeps the beginning that was asked for last."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._of: Beginning | None = None
        self._kept: tuple[Cache, tuple[float, ...]] | None = None

    def lend(self, beginning: Beginning, rows: int) -> Lent:
        """Return a beginning for so many rows.

        A layer returns its keys and values with the new ones behind them, and keeps only its own: so a batch holds
        those of one layer at a time, and the beginning stays as it is.
        """
        if not beginning.ids:
            return Lent()
        if self._kept is None or self._of != beginning:
            self._kept = None  # before the next one is computed: one fits where two might not
            self._kept = _computed(self._model, beginning)
            self._of = beginning
        cache, scores = self._kept
        return Lent(len(beginning.ids), {"past_key_values": _lent(cache, rows)}, beginning.first, scores)


def can_share(model: PreTrainedModel, row: Sequence[int], beginning: Beginning, prefixes: Prefixes) -> bool:
    """Tell whether the model continues after a lent beginning as it does in one piece; warns where it does not.

    Tried on one row, at the first and last position after the beginning: the logits may differ by rounding, which is
    less than the square root of the precision, relative to their spread.
    """
    why = _unfit(model)
    if why is None:
        try:
            why = _tried(model, row, beginning, prefixes)
        except Exception as error:  # an architecture's own refusal, of whatever type
            if lacks_memory(error):
                raise
            why = f"{type(error).__name__}: {error}"
    if why:
        logging.getLogger(__name__).warning(
            f"{type(model).__name__} computes the beginning of every prompt anew, which takes longer: {why}"
        )
    return not why


def _unfit(model: PreTrainedModel) -> str | None:
    """Return why the beginning of a text must depend on its end, or None."""
    rope = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    for each in (rope, *(value for value in rope.values() if isinstance(value, dict))):
        if each.get("rope_type") in _SHIFTING:
            return f"its rotary embeddings ({each['rope_type']}) depend on how long a text is"
    return None


def _tried(model: PreTrainedModel, row: Sequence[int], beginning: Beginning, prefixes: Prefixes) -> str | None:
    """Return how the two ways of computing a row differ, or None."""
    prefix = len(beginning.ids)
    whole_2V = _ends(model, row, prefix, {})
    rest_2V = _ends(model, row[prefix:], 0, prefixes.lend(beginning, 1).arguments)
    spread = float((whole_2V - whole_2V.mean(-1, keepdim=True)).norm())
    off = float((whole_2V - rest_2V).norm()) / max(spread, 1e-30)
    if off < torch.finfo(model.dtype).eps ** 0.5:
        return None
    return f"with a cache of keys and values its logits differ by {off:.1e} of their spread"


@torch.inference_mode()
def _ends(model: PreTrainedModel, row: Sequence[int], first: int, past: dict[str, Any]) -> Tensor:
    """Return the logits [2, V] after the token at `first` and after the last one, in float32."""
    places = torch.tensor([first, len(row) - 1], device=model.device)
    ids_1T = torch.tensor([row], device=model.device)
    logits_PV, place_2 = logits_at(model, torch.zeros_like(places), places, input_ids=ids_1T, **past)
    return logits_PV[place_2].float()


@torch.inference_mode()
def _computed(model: PreTrainedModel, beginning: Beginning) -> tuple[Cache, tuple[float, ...]]:
    """Return the keys and values [1, heads, P, size] of every layer, and the scores of the places `first` to P.

    A layer with a sliding window keeps the last ones only.
    """
    cache, ids, first = DynamicCache(config=model.config), beginning.ids, beginning.first
    inputs = {"input_ids": torch.tensor([ids], device=model.device), "past_key_values": cache}
    scores: tuple[float, ...] = ()
    if first > len(ids):
        nowhere = torch.zeros(1, dtype=torch.long, device=model.device)
        hidden_at(model, nowhere, nowhere, **inputs)
    else:
        position_K = torch.arange(first - 1, len(ids), device=model.device)
        token_K = torch.tensor([*ids[first:], beginning.behind], device=model.device)
        found_K = token_scores(model, torch.zeros_like(position_K), position_K, token_K, **inputs)
        scores = tuple(found_K.double().tolist())
    other = {type(layer).__name__ for layer in cache.layers if type(layer) not in _LAYERS}
    if other or cache.get_seq_length() != len(ids):
        raise ValueError(f"what it keeps of {len(ids)} tokens cannot be lent ({', '.join(sorted(other)) or 'nothing'})")
    return cache, scores


def _lent(cache: Cache, rows: int) -> Cache:
    """Return a cache of so many rows that is not changed by what follows."""
    return Cache(layers=[_lent_layer(layer, rows) for layer in cache.layers])


def _lent_layer(layer: Any, rows: int) -> Any:
    held = copy.copy(layer)
    held.keys, held.values = (kept.expand(rows, -1, -1, -1) for kept in (layer.keys, layer.values))
    lent = copy.copy(held)

    def update(*states: Any, **named: Any) -> Any:
        return copy.copy(held).update(*states, **named)

    vars(lent)["update"] = update
    return lent
