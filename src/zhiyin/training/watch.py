"""What is watched while a model is trained: signs on the held-out records that going on does harm, and broken numbers.

Everything here is read off the curve alone, so a training that was interrupted comes to the same verdicts.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from pydantic import Field

from zhiyin.artifacts import CurvePoint
from zhiyin.execution.config import Config

Reaction = Literal["off", "warn", "stop"]


class Guards(Config):
    """What is checked before, during and after a training, and what then happens."""

    overlength: Literal["drop", "truncate"] = "drop"
    """A record above `max_length` is set aside whole, or cut: a conversation at its end, a pair first at its prompt."""
    saturation: Reaction = "warn"
    """What happens when every held-out pair is won by a large margin: nothing is left to learn from pairs."""
    saturation_margin: float = Field(default=10.0, gt=0)
    """Mean held-out reward margin that counts as large; at 10, a pair's gradient is a 10,000th of what it was."""
    collapse: Reaction = "warn"
    """What happens when the chosen held-out answers have become much less likely than before the training."""
    collapse_nats: float = Field(default=1.0, gt=0)
    """Fall of their log-probability that counts as much, in nats a token."""
    early_stopping_patience: int = Field(default=0, ge=0)
    """Held-out measurements in a row without a lower loss after which the training ends; 0 never ends it early."""
    probes: int = Field(default=20, ge=0)
    """Questions the trained model is asked, to see whether its answers end; 0 asks none."""
    probe_tokens: int = Field(default=256, ge=1)
    """Most tokens of such an answer."""


class Finding(Struct, frozen=True):
    """Something the held-out records show, and the step at which they showed it first."""

    kind: Literal["saturation", "collapse", "patience"]
    step: int
    told: str
    """A sentence for people."""
    stops: bool
    """Whether the training ends here."""


def findings(points: Sequence[CurvePoint], guards: Guards, answer_tokens: float) -> list[Finding]:
    """Return what the curve shows, each kind once, at the step of its first sign.

    `answer_tokens` is the mean number of tokens over which `logps/chosen` is summed; 1 where it is a mean already.
    """
    held_out = [point for point in points if point.split == "held_out"]
    found: dict[str, Finding] = {}
    for number in range(1, len(held_out)):
        for finding in _signs(held_out[: number + 1], guards, answer_tokens):
            found.setdefault(finding.kind, finding)
    return sorted(found.values(), key=lambda finding: finding.step)


def _signs(points: Sequence[CurvePoint], guards: Guards, answer_tokens: float) -> Iterator[Finding]:
    """Yield what the last of these measurements shows; the first is the one before training."""
    first, last = points[0].values, points[-1].values
    step, margin = points[-1].step, last.get("rewards/margins", 0.0)
    won = last.get("rewards/accuracies", 0.0) == 1.0
    if guards.saturation != "off" and won and margin > guards.saturation_margin:
        told = (
            f"saturation: after step {step} every held-out pair is won, by a mean margin of {margin:.1f}; "
            "train for fewer steps, or lower learning_rate"
        )
        yield Finding("saturation", step, told, guards.saturation == "stop")
    if guards.collapse != "off" and "logps/chosen" in last:
        fall = (first["logps/chosen"] - last["logps/chosen"]) / answer_tokens
        if fall > guards.collapse_nats:
            told = (
                f"collapse: after step {step} the chosen held-out answers have lost {fall:.1f} nats a token; "
                "lower learning_rate, or add an SFT term to the loss"
            )
            yield Finding("collapse", step, told, guards.collapse == "stop")
    if guards.early_stopping_patience and _worse(points) >= guards.early_stopping_patience:
        told = f"patience: after step {step} the held-out loss is above its lowest for {_worse(points)} measurements"
        yield Finding("patience", step, told, True)


def _worse(points: Sequence[CurvePoint]) -> int:
    """Return how many measurements in a row, the last among them, did not lower the held-out loss."""
    losses = [point.values["loss"] for point in points]
    return len(losses) - 1 - losses.index(min(losses))


def check_finite(what: str, value: float, step: int, ids: Sequence[str], folder: Path) -> None:
    """Raise `FloatingPointError` for a value that is not a number or not finite; first keep the step's record ids.

    They go to `broken-step-N.json` in `folder`, beside the checkpoints, which outlives the failed training.
    """
    if math.isfinite(value):
        return
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"broken-step-{step}.json"
    file.write_text(json.dumps({"step": step, what: str(value), "records": list(ids)}, ensure_ascii=False, indent=2))
    raise FloatingPointError(
        f"the {what} of step {step} is {value}; lower learning_rate, "
        f"or look for broken records among those of this step: {file.resolve()}"
    )
