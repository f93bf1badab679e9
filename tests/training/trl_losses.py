"""Run by TRL's own interpreter: losses and gradients of its trainers on given token ids.

`python trl_losses.py JOB.json`: the job names two checkpoints (policy and reference), the cases and the output folder.
Each case names a trainer, its settings and its examples, and may name other checkpoints. No loss is computed here but
by TRL's own methods.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

# TRL is installed for this interpreter alone, so it is not imported by name.
TRAINERS = {
    "dpo": ("trl", "DPOTrainer", "DPOConfig"),
    "simpo": ("trl.experimental.cpo", "CPOTrainer", "CPOConfig"),
    "orpo": ("trl.experimental.orpo", "ORPOTrainer", "ORPOConfig"),
    "orpo_odds": ("trl.experimental.orpo", "ORPOTrainer", "ORPOConfig"),
    "kto": ("trl", "KTOTrainer", "KTOConfig"),
}
IGNORED = -100


def model(path: str) -> Any:
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager")


def trainer(case: dict[str, Any], job: dict[str, Any]) -> Any:
    """Make the trainer of a case on the policy; its own data set is one made-up record, which is not looked at."""
    place, name, config = TRAINERS[case["trainer"]]
    record: dict[str, list[Any]] = {"prompt": ["a"], "chosen": ["b"], "rejected": ["c"]}
    more: dict[str, Any] = {}
    if name == "KTOTrainer":
        record = {"prompt": ["a", "b"], "completion": ["c", "d"], "label": [True, False]}
    if name in ("DPOTrainer", "KTOTrainer"):
        more["ref_model"] = model(case.get("reference", job["reference"]))
    arguments = getattr(import_module(place), config)(
        output_dir=job["out"],
        use_cpu=True,
        bf16=False,
        report_to="none",
        gradient_checkpointing=False,
        per_device_train_batch_size=2,
        **case["settings"],
    )
    return getattr(import_module(place), name)(
        model=model(case.get("policy", job["policy"])),
        args=arguments,
        train_dataset=import_module("datasets").Dataset.from_dict(record),
        processing_class=PreTrainedTokenizerFast(
            tokenizer_file=job["tokenizer"], pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
        ),
        **more,
    )


def padded(rows: list[list[int]], fill: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])


def side(examples: list[dict[str, Any]], name: str) -> dict[str, Tensor]:
    """Collate one side of the pairs as CPO's and ORPO's trainers want it."""
    rows = [example["prompt"] + example[name] for example in examples]
    return {
        f"{name}_input_ids": padded(rows, 0),
        f"{name}_attention_mask": padded([[1] * len(row) for row in rows], 0),
        f"{name}_labels": padded([[IGNORED] * len(one["prompt"]) + one[name] for one in examples], IGNORED),
    }


def loss(found: Any, case: dict[str, Any]) -> Tensor:
    """Return TRL's loss of the case's examples, by its own collator where it takes token ids."""
    examples = case["examples"]
    if case["trainer"] in ("dpo", "kto"):
        renamed = [{key if key == "label" else f"{key}_ids": value for key, value in one.items()} for one in examples]
        batch = found.data_collator(renamed)
        return torch.as_tensor(found.compute_loss(found.model, batch))
    batch = {**side(examples, "chosen"), **side(examples, "rejected")}
    if case["trainer"] == "orpo_odds":
        chosen, rejected = found.concatenated_forward(found.model, batch)[:2]
        return torch.as_tensor(-found.odds_ratio_loss(chosen, rejected)[0].mean())
    return torch.as_tensor(found.compute_loss(found.model, batch))


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = Path(job["out"])
    values = {}
    for name, case in job["cases"].items():
        found = trainer(case, job)
        found.model.train()
        value = loss(found, case)
        value.backward()
        values[name] = value.item()
        gradients = {key: one.grad for key, one in found.model.named_parameters() if one.grad is not None}
        save_file({key: grad.contiguous() for key, grad in gradients.items()}, out / f"{name}.safetensors")
    versions = {library: import_module(library).__version__ for library in ("trl", "torch", "transformers")}
    (out / "losses.json").write_text(json.dumps({"versions": versions, "losses": values}), encoding="utf-8")


if __name__ == "__main__":
    main()
