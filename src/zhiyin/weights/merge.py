"""Fold an adapter into the weights it was trained on, and prove on a probe that nothing else changed."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WEIGHT_FILES = ("adapter_model.safetensors", "adapter_config.json", "manifest.json", "curve.jsonl", "rejected.jsonl")


class Config(StepConfig):
    """How to merge, and how close the merged model must be."""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type the merged weights are saved in; the merge itself is done, and proven, in float32."""
    probe_tokens: int = Field(default=64, ge=2)
    """Length of the random token sequence on which merged and adapter logits are compared."""
    tolerance: float = Field(default=1e-4, gt=0)
    """Largest allowed difference of a logit, relative to the largest logit."""


def merge(config: Config, *, out: Path, runtime: Runtime, adapter: Adapter) -> Checkpoint:
    """Write base + adapter as one checkpoint; raises `ValueError` if its logits differ on the probe.

    The adapter must also change the logits: one that does nothing was not trained, or not loaded.
    """
    import torch

    from zhiyin.weights.load import load_model, pick_device

    device = pick_device(runtime.device)
    model = load_model(adapter, device=device)
    probe = torch.randint(
        model.config.get_text_config().vocab_size, (1, config.probe_tokens), generator=torch.Generator().manual_seed(0)
    ).to(device)
    before = _logits(model, probe)
    with model.disable_adapter():  # type: ignore[operator]
        base = _logits(model, probe)
    merged = model.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    after = _logits(merged, probe)
    scale = float(before.abs().max())
    error, effect = float((after - before).abs().max()) / scale, float((before - base).abs().max()) / scale
    if error > config.tolerance:
        raise ValueError(
            f"{adapter.path}: merged logits differ by {error:.2e} of the largest, allowed {config.tolerance}"
        )
    if effect == 0:
        raise ValueError(f"{adapter.path}: the adapter changes no logit of its base {adapter.base}; was it trained?")
    merged.to(getattr(torch, config.dtype)).save_pretrained(out)
    shutil.copytree(adapter.path, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*WEIGHT_FILES, "telemetry"))
    return Checkpoint(out, {"merged_error": error, "adapter_effect": effect, "dtype": config.dtype})


def _logits(model: "PreTrainedModel", ids_BT: "torch.Tensor") -> "torch.Tensor":
    """Return float32 logits [1, T, V]."""
    import torch

    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=ids_BT, use_cache=False).logits
    return logits.float()
