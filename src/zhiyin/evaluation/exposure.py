"""Which questions stand in the data a model was trained on, and what its scores are without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from zhiyin.artifacts import Contamination, PromptSet
from zhiyin.records.score import CLEAN, Exposure, Score

if TYPE_CHECKING:
    from zhiyin.evaluation.significance import Resampling
    from zhiyin.evaluation.tally import Tally

PROMPTS = "prompts."
"""How the inputs of a scan that are prompt sets begin."""


def quoted(contamination: Contamination, prompts: PromptSet) -> frozenset[str]:
    """Return the ids of the prompts that records quote; raises `ValueError` when the scan was of other prompts."""
    inputs = contamination.manifest.inputs
    scanned = {name.removeprefix(PROMPTS): folder for name, folder in inputs.items() if name.startswith(PROMPTS)}
    names = {name for name, folder in scanned.items() if folder == prompts.path.name}
    if not names:
        raise ValueError(
            f"contamination: {contamination.path} looked for {', '.join(sorted(scanned)) or 'none'}, not for the "
            f"prompts of {prompts.path}; give the step `contamination` these too"
        )
    return frozenset(hit.prompt_id for hit in contamination.hits if hit.prompts in names)


def clean_scores(
    benchmark: str,
    tallied: Mapping[str, Tally],
    flagged: frozenset[str],
    average: Literal["micro", "macro"],
    plan: Resampling,
) -> Iterator[Score]:
    """Yield the score of each measure without the flagged items, as the group `subset/clean`.

    It is averaged like the whole; a measure whose items are all flagged is left out.
    """
    from zhiyin.evaluation.tally import scored

    for tally in tallied.values():
        left = [place for place, name in enumerate(tally.ids) if name not in flagged]
        if left and len(left) < len(tally.ids):
            yield scored(benchmark, tally.at(left), CLEAN, average, plan)


def exposure(asked: int, flagged: frozenset[str], clean: Sequence[Score]) -> Exposure:
    """Return what is known of the exposure of a benchmark of that many questions."""
    return Exposure(flagged=len(flagged), count=asked, clean={one.measure: one for one in clean})
