"""Fold an adapter into the weights it was trained on, and prove on a probe that nothing else changed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.weights.foreseen import Foreseen, foreseen

# What is about the adapter, and not about the tokens of the model.
WEIGHT_FILES = ("adapter_*", "ranks.json", "manifest.json", "curve.jsonl", "rejected.jsonl", "telemetry")


class Config(StepConfig):
    """How to merge, and how close the merged model must be."""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type the merged weights are saved in; the merge itself is done, and proven, in float32."""
    probe_tokens: int = Field(default=64, ge=2)
    """Length of the random token sequence on which merged and adapter logits are compared."""
    tolerance: float = Field(default=1e-4, gt=0)
    """Largest allowed difference of a logit, relative to the largest logit."""

    def foresee(self, inputs: Mapping[str, Any]) -> Foreseen | None:
        """The shapes are those of the adapter's base."""
        return foreseen(inputs["adapter"])


def merge(config: Config, *, out: Path, runtime: Runtime, adapter: Adapter) -> Checkpoint:
    """Write base + adapter as one checkpoint; raises `ValueError` if its logits differ on the probe.

    The adapter must also change the logits: one that does nothing was not trained, or not loaded.
    """
    import torch

    from zhiyin.weights.load import load_model, pick_device
    from zhiyin.weights.probe import distance, probe

    model = load_model(adapter, device=pick_device(runtime.device))
    before = probe(model, config.probe_tokens)
    with model.disable_adapter():  # type: ignore[operator]
        base = probe(model, config.probe_tokens)
    merged = model.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    error, effect = distance(before, probe(merged, config.probe_tokens)), distance(before, base)
    if error > config.tolerance:
        raise ValueError(
            f"{adapter.path}: merged logits differ by {error:.2e} of the largest, allowed {config.tolerance}"
        )
    if effect == 0:
        raise ValueError(f"{adapter.path}: the adapter changes no logit of its base {adapter.base}; was it trained?")
    merged.to(getattr(torch, config.dtype)).save_pretrained(out)
    shutil.copytree(adapter.path, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*WEIGHT_FILES))
    return Checkpoint(out, {"merged_error": error, "adapter_effect": effect, "dtype": config.dtype})
