"""Log-probabilities of given continuations, exact: a float32 log-softmax over the whole vocabulary.

Axes: B rows, T positions, K scored tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from zhiyin.inference.batches import fewest_tokens
from zhiyin.inference.encoding import Continuation
from zhiyin.inference.families import Family, Row, common, families
from zhiyin.inference.prefixes import Beginning, Lent, Prefixes, can_share
from zhiyin.inference.token_scores import token_scores
from zhiyin.weights.budget import Budget, Part, in_parts, tried

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOGITS = 2**27
"""Logits held at once, about (half a GiB in float32): many positions of a large vocabulary do not fit in memory."""
_PASS = {"cpu": 16}
_PASS_ELSEWHERE = 64
"""What beginning a forward pass costs, in tokens. Batches are cut finer where it is little, and padded less."""
_FAMILY_PASSES = 16
"""A family must save as much as beginning so many passes costs: its prefix is a pass, its batches are smaller."""
_PREFIX_SHARE = 4
"""Every row of a batch holds the keys and values of its prefix, of one layer at a time: as much as is held for a
quarter as many tokens that go through a layer (of Gemma-2 and Llama 3, a fifth)."""


@dataclass(frozen=True)
class _Plan:
    """Distinct rows of token ids, what is asked of each, and where their beginnings are shared."""

    rows: list[Row]
    asked: list[list[int]]
    """Numbers of the continuations that are read off each row."""
    first: list[int]
    """Of each row, the place of the first token that is scored."""
    families: list[Family]
    family: dict[int, Family]
    """Of each row."""

    def parts(self, left: Sequence[int], tokens: int, start: int, heaviest: int) -> list[Part[int]]:
        """Cut rows, named by their indices, into batches of one family each that count as so many tokens at most."""
        found: list[Part[int]] = []
        waiting = set(left)
        for family in self.families:
            members = [row for row in family.members if row in waiting]
            held = -(-family.prefix // _PREFIX_SHARE)
            counted = [len(self.rows[row]) - family.prefix + held for row in members]
            # Positions that go to the head.
            weights = [len(self.rows[row]) + 1 - max(self.first[row], family.prefix + 1) for row in members]
            batches = fewest_tokens(counted, padded=tokens, start=start, weights=weights, heaviest=heaviest)
            found += [
                Part([members[place] for place in batch], len(batch) * max(counted[place] for place in batch))
                for batch in batches
            ]
        return found

    def beginning(self, family: Family) -> Beginning:
        """Return what the rows of a family share."""
        row, prefix = self.rows[family.members[0]], family.prefix
        return Beginning(row[:prefix], min(self.first[member] for member in family.members), row[prefix])


def log_probabilities(
    model: PreTrainedModel,
    asked: Sequence[Continuation],
    *,
    micro_batch_tokens: int | Budget,
    advance: Callable[[int], None] = lambda finished: None,
) -> list[float]:
    """Return ln p(tokens | context) of each, summed over its tokens in float64.

    What the model would read twice, it reads once: choices of one token each after one context cost one row, and the
    beginning that rows have in common (a subject's header and its worked examples) is computed, and where it is scored
    itself scored, once and lent to all.
    Rows are padded on the right, where a causal model never looks, so padding cannot matter and no mask is needed.
    `advance` is told how many have been finished since it was last called.
    """
    prefixes = Prefixes(model)
    heaviest = max(1, LOGITS // model.config.get_text_config().vocab_size)
    plan = _plan(model, asked, prefixes, heaviest)
    scores = [0.0] * len(asked)

    def cut(left: Sequence[int], tokens: int) -> list[Part[int]]:
        return plan.parts(left, tokens, _start(model), heaviest)

    def compute(part: Part[int]) -> dict[int, float]:
        family = plan.family[part.items[0]]
        served = [(row, index) for row, place in enumerate(part.items) for index in plan.asked[place]]
        lent = prefixes.lend(plan.beginning(family), len(part.items))
        tails = [plan.rows[place][family.prefix :] for place in part.items]
        found = _score(model, tails, [(row, asked[index]) for row, index in served], lent)
        return {index: score for (_, index), score in zip(served, found, strict=True)}

    budget = Budget.of(micro_batch_tokens)
    for _, found in in_parts(range(len(plan.rows)), cut, compute, budget, "log-probabilities of choices"):
        for index, score in found.items():
            scores[index] = score
        advance(len(found))
    return scores


def _start(model: PreTrainedModel) -> int:
    return _PASS.get(model.device.type, _PASS_ELSEWHERE)


def _plan(model: PreTrainedModel, asked: Sequence[Continuation], prefixes: Prefixes, heaviest: int) -> _Plan:
    """Lay out what is to be computed; nothing is shared where the model cannot continue after a lent beginning."""
    places: dict[Row, list[int]] = {}
    for index, one in enumerate(asked):
        if not one.context or not one.tokens:
            raise ValueError(f"continuation {index} has an empty context or no tokens: {one}")
        places.setdefault(one.inputs, []).append(index)
    rows = list(places)
    first = [min(len(asked[index].context) for index in places[row]) for row in rows]
    found = families(rows, cost=_FAMILY_PASSES * _start(model))
    found = [_scored_once(family, rows, first, heaviest) for family in found]
    # The longest rows come first, so a lack of memory shows at once.
    found.sort(key=lambda family: -max(len(rows[row]) for row in family.members))
    plan = _Plan(rows, list(places.values()), first, found, {row: one for one in found for row in one.members})
    sharing = next((family for family in found if family.prefix), None)
    if sharing is not None:
        row = rows[min(sharing.members, key=lambda row: len(rows[row]))]
        # Where there is no memory for a single row, whole rows will say so.
        if tried(can_share, model, row, plan.beginning(sharing), prefixes) != (True,):
            whole = Family(0, list(range(len(rows))))
            return replace(plan, families=[whole], family=dict.fromkeys(whole.members, whole))
    return plan


def _scored_once(family: Family, rows: Sequence[Row], first: Sequence[int], heaviest: int) -> Family:
    """Shorten a beginning whose own tokens are scored: the token behind it must be common too, its logits held."""
    begins = min(first[row] for row in family.members)
    if begins > family.prefix:
        return family
    members = [rows[row] for row in family.members]
    alike = common(min(members), max(members))
    return Family(max(0, min(family.prefix, alike - 1, begins - 1 + heaviest)), family.members)


@torch.inference_mode()
def _score(
    model: PreTrainedModel, tails: Sequence[Row], asked: Sequence[tuple[int, Continuation]], lent: Lent
) -> list[float]:
    """Score one batch of what follows a lent beginning; each continuation comes with the row that holds it."""
    width = max(map(len, tails))
    input_ids_BT = torch.tensor([[*row, *[0] * (width - len(row))] for row in tails], device=model.device)
    before = lent.tokens
    # Of each scored token: its row, the position just before it (which predicts it), its id, whose it is.
    scored_K4 = torch.tensor(
        [
            (row, place - 1 - before, one.tokens[place - len(one.context)], owner)
            for owner, (row, one) in enumerate(asked)
            for place in range(max(len(one.context), before + 1), len(one.context) + len(one.tokens))
        ],
        device=model.device,
    )
    row_K, position_K, token_K, owner_K = scored_K4.unbind(1)
    values_K = token_scores(model, row_K, position_K, token_K, input_ids=input_ids_BT, **lent.arguments)
    sums = torch.zeros(len(asked), dtype=torch.float64, device="cpu").index_add(0, owner_K.cpu(), values_K.double())
    return [float(value) + lent.score(len(one.context)) for value, (_, one) in zip(sums, asked, strict=True)]
