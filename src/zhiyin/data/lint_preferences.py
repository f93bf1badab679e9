"""Look for preference pairs that teach nothing or the wrong thing, and set aside the kinds that are not wanted."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
from pydantic import Field

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.pair_checks import Check, Limits, Separation, Tally, faults
from zhiyin.data.rejections import Rejections
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference

Policy = Literal["drop", "keep"]
TOO_EASY = 0.9
"""A rule of one feature that finds the chosen answer this often is named in a warning."""


class Config(StepConfig):
    """What is done with pairs that fail a check; all are counted, whatever is done."""

    code_version: ClassVar[int] = 2

    empty: Policy = "drop"
    """An answer that says nothing."""
    identical: Policy = "drop"
    """Two answers that are equal but for white space, case and width."""
    near_identical: Policy = "drop"
    """Two answers that share at least `max_similarity` of their three-character pieces."""
    wrong_answer: Policy = "drop"
    """A chosen answer that does not state the right one, where the record's meta holds that."""
    other_language: Policy = "drop"
    """A chosen answer in another language than the rejected one: the model learns the language and nothing else."""
    not_the_prompts_language: Policy = "keep"
    """A chosen answer in another language than its question; translations are."""
    length_gap: Policy = "keep"
    """One answer is more than `max_length_ratio` times as long as the other, in the same language."""
    max_similarity: float = Field(default=0.95, gt=0, le=1)
    """From here on two answers are nearly identical."""
    max_length_ratio: float = Field(default=10.0, ge=1)
    """Beyond this the longer answer is out of proportion."""
    answer_field: str = "answer"
    """The field of a record's meta that holds the right answer."""
    max_rejected: float = Field(default=1.0, ge=0, le=1)
    """Share of the pairs that may be set aside; above it the step fails, as it does when none is left."""


def lint_preferences(config: Config, *, out: Path, runtime: Runtime, records: PreferenceSet) -> PreferenceSet:
    """Write the pairs in their order; one that fails a check to be dropped keeps its id, the check, and itself.

    The summary adds `found`, the pairs that fail each check; `separable`, how well the length, the share of Chinese,
    the emoji or the markdown alone tell chosen from rejected, before and after; and `warnings` where that is too
    well. Source: X8 and X11 of the specification.
    """
    found: Counter[Check] = Counter()
    before, after = Tally(), Tally()
    limits = Limits(config.max_similarity, config.max_length_ratio, config.answer_field)

    def kept(rejected: Rejections) -> Iterator[Preference]:
        for pair in records:
            wrong = list(faults(pair, limits))
            found.update(wrong)
            before.add(pair)
            reason = next((check for check in wrong if getattr(config, check) == "drop"), None)
            if reason is not None:
                rejected.add(Rejected(pair.id, reason, msgspec.json.encode(pair).decode("utf-8")))
                continue
            after.add(pair)
            yield pair

    with Rejections() as rejected:
        made = PreferenceSet.write(out, kept(rejected), rejected)
        rejected.check(made.summary["records"], config.max_rejected, "lint_preferences", out)
    left = after.separations()
    separable = {"before": msgspec.to_builtins(before.separations()), "after": msgspec.to_builtins(left)}
    facts = {"found": dict(found.most_common()), "separable": separable, "warnings": _warnings(left)}
    return PreferenceSet(out, {**made.summary, **facts})


def _warnings(rules: dict[str, Separation]) -> list[str]:
    return [
        f"{name} alone finds the chosen answer in {rule.accuracy:.1%} of the pairs (more of it in the {rule.more_in} "
        "one): rewards will saturate before anything else is learnt"
        for name, rule in rules.items()
        if rule.accuracy >= TOO_EASY
    ]
