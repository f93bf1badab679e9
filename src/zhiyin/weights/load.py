"""Open a checkpoint, or an adapter on its checkpoint, as a model ready to be asked."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.weights.adapter import put_on
from zhiyin.weights.quantised import make_sound

if TYPE_CHECKING:
    from transformers import PreTrainedModel


Head = Literal["CausalLM", "SequenceClassification"]
"""What the last layer tells: the next token, or a number for the whole text."""


def pick_device(wanted: str) -> str:
    """Resolve `auto` to the best device present."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load_model(
    source: Path | Checkpoint | Adapter, *, device: str, dtype: str = "float32", head: Head = "CausalLM", **options: Any
) -> "PreTrainedModel":
    """Load a model in evaluation mode; an adapter is put on the checkpoint it was trained on.

    `device` is a torch device, `dtype` a torch dtype by name, `options` go to `from_pretrained` (a quantisation, say).
    A plain folder is opened by what lies in it.
    """
    import torch
    import transformers
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    # PEFT loads bitsandbytes wherever it is: that misses an optional kernel, and tells of every 8-bit product.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    folder = source if isinstance(source, Path) else source.path
    base = _base_of(source, folder)
    if not ((base or folder) / "config.json").is_file():
        raise ValueError(f"{base or folder} holds no model: it has no config.json")
    quantised = "quantization_config" in options
    if quantised:
        # Weights are quantised on their way to the device, and transformers moves them no more.
        options["device_map"] = {"": torch.cuda.current_device() if device == "cuda" else device}
    model: Any = getattr(transformers, f"AutoModelFor{head}").from_pretrained(
        base or folder,
        dtype=getattr(torch, dtype),
        local_files_only=True,
        attn_implementation=_attention(base or folder),
        **options,
    )
    if quantised:
        make_sound(model)
    if base is not None:
        model = put_on(model, folder)
    return cast("PreTrainedModel", (model if quantised else model.to(device)).eval())


def _base_of(source: Path | Checkpoint | Adapter, folder: Path) -> Path | None:
    """Return the checkpoint under an adapter, or None for a checkpoint."""
    if isinstance(source, Adapter):
        return source.base
    if (folder / "adapter_config.json").is_file():
        return Adapter(folder).base
    return None


def _attention(folder: Path) -> str | None:
    """Gemma-2's soft-capping needs the eager attention; other models take the library's choice."""
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(folder, local_files_only=True)
    return "eager" if getattr(config, "attn_logit_softcapping", None) else None
