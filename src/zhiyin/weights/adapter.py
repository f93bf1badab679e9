"""Adapter folders in PEFT's form: put one on a model, go on from one, write one."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zhiyin.artifacts import write_json

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import Tensor
    from transformers import PreTrainedModel

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
NAME = "default"
"""PEFT's name of the one adapter on a model."""

FIELDS = {
    "peft_type": "the kind",
    "r": "rank",
    "init_r": "init_r",
    "lora_alpha": "alpha",
    "rank_pattern": "rank_pattern",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
    "modules_to_save": "modules_to_save",
    "trainable_token_indices": "the tokens learnt",
}
"""What must be the same to go on from an adapter: PEFT's name to ours. Dropout is free, and layers go by tensors."""


def attach(model: "PreTrainedModel", config: "PeftConfig", start: Path | None = None) -> "PreTrainedModel":
    """Put a new adapter on the model, with the weights of the folder `start` if there is one.

    Raises `ValueError` when `start` is no adapter of this model with this config.
    """
    from peft import get_peft_model, set_peft_model_state_dict

    from zhiyin.weights.fused import fuse
    from zhiyin.weights.tokens import fuse_tokens

    options: Any = config
    options.ensure_weight_tying = _shared_matrix(model, options.modules_to_save or ())
    fuse(config, model)
    wrapped: Any = get_peft_model(model, config)
    fuse_tokens(wrapped)
    if start is not None:
        saved, tensors = read(start)
        _compare(start, saved, tensors, wrapped)
        if saved["peft_type"] == "ADALORA":
            options.rank_pattern = saved["rank_pattern"]
        set_peft_model_state_dict(wrapped, tensors, NAME)
        if saved["peft_type"] == "ADALORA":
            options.rank_pattern = None
    return cast("PreTrainedModel", wrapped)


def put_on(model: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    """Put a finished adapter on its base, in evaluation mode."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # PEFT reads the rank_pattern of its own AdaLoRA as if it were a LoRA's, and wonders at the keys.
        warnings.filterwarnings("ignore", message="The following rank_pattern keys did not match", module="peft")
        return cast("PreTrainedModel", PeftModel.from_pretrained(model, str(folder)).eval())


def read(folder: Path) -> "tuple[dict[str, Any], dict[str, Tensor]]":
    """Return PEFT's config and the tensors of an adapter; raises `ValueError` when the folder holds none."""
    from safetensors.torch import load_file

    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} holds no adapter: it has no {name}")
    return json.loads((folder / CONFIG).read_text(encoding="utf-8")), load_file(folder / TENSORS)


def write(model: "PreTrainedModel", out: Path, base: str, tensors: "Mapping[str, Tensor] | None" = None) -> None:
    """Write the adapter on `model` as a folder; `tensors` stand for the model's own if given.

    `base` is the folder name of the checkpoint under it: a path of this machine would mean nothing elsewhere.
    """
    wrapped: Any = model
    for config in wrapped.peft_config.values():
        config.base_model_name_or_path = base
    # PEFT would otherwise ask a hub about the base; embeddings that were trained are saved in any case.
    wrapped.save_pretrained(out, state_dict=tensors, save_embedding_layers=False)
    (out / "README.md").unlink(missing_ok=True)
    sort_names(out / CONFIG)


def sort_names(file: Path) -> None:
    """Sort the lists of names in PEFT's config: it keeps sets, and each process writes a set in an order of its own."""
    config = json.loads(file.read_text(encoding="utf-8"))
    for name in ("target_modules", "modules_to_save", "exclude_modules", "modules_to_tie"):
        if isinstance(config.get(name), list):
            config[name].sort()
    write_json(file, config)


def _shared_matrix(model: "PreTrainedModel", names: tuple[str, ...] | list[str]) -> bool:
    """Tell whether one of these modules is an embedding that is also the output layer: it must stay one matrix."""
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    if output is None or embedding.weight is not output.weight:
        return False
    shared = [name for name, module in model.named_modules() if module is embedding or module is output]
    return any(full == name or full.endswith(f".{name}") for full in shared for name in names)


def _compare(start: Path, saved: Mapping[str, Any], tensors: "Mapping[str, Tensor]", wrapped: Any) -> None:
    """Raise unless the adapter in `start` is of this base, kind, rank, scale and layers."""
    from peft import get_peft_model_state_dict

    base, own = saved.get("base_model_name_or_path"), Path(wrapped.get_base_model().name_or_path).name
    if base != own:
        raise ValueError(f"{start} is an adapter of {base}, and the model here is {own}; an adapter fits only its base")
    mine = json.loads(json.dumps(wrapped.peft_config[NAME].to_dict(), default=_plain))
    names = [name for name in FIELDS if name in mine or name in saved]
    if mine["peft_type"] == saved["peft_type"] == "ADALORA":
        names = [name for name in names if name not in ("r", "rank_pattern")]
    for name in names:
        theirs, ours = _listed(saved.get(name)), _listed(mine.get(name))
        if theirs != ours:
            raise ValueError(
                f"{start}: {FIELDS[name]} is {theirs} there and {ours} here; go on with the same, "
                "or merge that adapter into its base and train a new one"
            )
    here = get_peft_model_state_dict(wrapped, adapter_name=NAME, save_embedding_layers=False)
    if differing := sorted(here.keys() ^ tensors.keys()):
        there = len(tensors.keys() - here.keys())
        raise ValueError(
            f"{start} adapts other layers than this training: {there} tensors are only there and "
            f"{len(differing) - there} only here, {differing[0]} the first; give the same target_modules"
        )


def _plain(value: object) -> object:
    """Return PEFT's sets as lists, and whatever else JSON lacks as text."""
    return sorted(value) if isinstance(value, set) else str(getattr(value, "value", value))


def _listed(value: Any) -> Any:
    """Return names in one order, and no list or mapping where it is empty."""
    return None if value in ([], {}) else sorted(value) if isinstance(value, list) else value
