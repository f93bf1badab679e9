"""Turn an AdaLoRA adapter into a plain LoRA with a rank for each matrix, which every LoRA program can read."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from zhiyin.artifacts import Adapter
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.weights.merge import WEIGHT_FILES

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = "base_model.model."


class Config(StepConfig):
    """How close the two forms must be."""

    probe_tokens: int = Field(default=64, ge=2)
    """Length of the random token sequence on which their logits are compared."""
    tolerance: float = Field(default=1e-4, gt=0)
    """Largest allowed difference of a logit, relative to the largest logit."""


def to_lora(config: Config, *, out: Path, runtime: Runtime, adapter: Adapter) -> Adapter:
    """Write the same function as a plain LoRA; raises `ValueError` for another kind, or if its logits differ."""
    from safetensors.torch import save_file

    from zhiyin.artifacts import write_json
    from zhiyin.weights.adapter import CONFIG, TENSORS, put_on, read
    from zhiyin.weights.load import load_model, pick_device
    from zhiyin.weights.probe import distance, probe

    settings, tensors = folded(*read(adapter.path))
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(adapter.path, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*WEIGHT_FILES))
    write_json(out / CONFIG, settings)
    save_file(tensors, out / TENSORS, metadata={"format": "pt"})
    model: Any = load_model(adapter, device=pick_device(runtime.device))
    before = probe(model, config.probe_tokens)
    error = distance(before, probe(put_on(model.unload(), out), config.probe_tokens))
    if error > config.tolerance:
        raise ValueError(
            f"{adapter.path}: logits of the plain LoRA differ by {error:.2e} of the largest, allowed {config.tolerance}"
        )
    ranks = settings["rank_pattern"]
    return Adapter(out, {"converted_error": error, "matrices": len(ranks), "highest_rank": max(ranks.values())})


def folded(settings: dict[str, Any], tensors: "dict[str, Tensor]") -> "tuple[dict[str, Any], dict[str, Tensor]]":
    """Return PEFT's LoRA config and tensors of an AdaLoRA adapter, as `weights.adapter.read` gives it.

    AdaLoRA adds B (E * A) alpha / (init_r + 1e-5), LoRA B A alpha / rank. So A becomes A * E * rank / (init_r + 1e-5),
    with the same alpha: a program that knows no pattern of alphas computes the scale of each matrix from its rank, and
    is right. A matrix of rank 0 is left out. Raises `ValueError` for another kind of adapter.
    """
    from peft import LoraConfig

    if settings["peft_type"] != "ADALORA":
        raise ValueError(f"to_lora converts adapters of the kind ADALORA, and this one is {settings['peft_type']}")
    layers = sorted(name.removesuffix(".lora_E") for name in tensors if name.endswith(".lora_E"))
    ranks = {name: len(tensors[f"{name}.lora_E"]) for name in layers if len(tensors[f"{name}.lora_E"])}
    if not ranks:
        raise ValueError("every matrix of this adapter has rank 0: there is nothing to convert")
    plain = {name: tensor for name, tensor in tensors.items() if ".lora_" not in name}
    for name, rank in ranks.items():
        scale = rank / (settings["init_r"] + 1e-5)
        plain[f"{name}.lora_A.weight"] = tensors[f"{name}.lora_A"] * tensors[f"{name}.lora_E"] * scale
        plain[f"{name}.lora_B.weight"] = tensors[f"{name}.lora_B"].contiguous()
    kept = ("base_model_name_or_path", "lora_alpha", "lora_dropout", "bias", "task_type", "ensure_weight_tying")
    extra = ("modules_to_save", "trainable_token_indices")
    patterns = {name.removeprefix(PREFIX): rank for name, rank in ranks.items()}
    made = LoraConfig(
        **{name: settings[name] for name in (*kept, *extra)},
        r=max(ranks.values()),
        rank_pattern=patterns,
        target_modules=sorted(patterns),
        inference_mode=True,
    ).to_dict()
    return {**made, "target_modules": sorted(patterns), "peft_type": "LORA"}, plain
