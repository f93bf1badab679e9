"""LLaMA-Factory's side, as it comes: its own entry point on a data set of token ids, its own defaults.

It imports torchaudio for models that hear; that of the index is built for CUDA, so an empty module stands in for it.
"""

import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

from bench.sides import job as jobs
from bench.sides.job import Job, Report


def side(job: Job, report: Report) -> None:
    """Train through `run_exp`, as its command line does."""
    stub = types.ModuleType("torchaudio")
    stub.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = stub
    import datasets
    import transformers
    from llamafactory.train import tuner

    transformers.logging.set_verbosity_error()
    folder = Path(job.data + ".llamafactory")
    datasets.Dataset.from_list(_columns(job)).save_to_disk(str(folder / "tokens"))
    flags: dict[str, Any] = {
        "stage": "sft" if job.task == "sft" else "dpo",
        "per_device_train_batch_size": job.batch,
        "template": "empty",
        "finetuning_type": "lora",
        "lora_rank": jobs.RANK,
        "lora_alpha": jobs.ALPHA,
        "lora_target": ",".join(jobs.TARGETS),
        **_preference(job.task),
    }
    report.flags = " ".join(f"{name}={value}" for name, value in flags.items())
    report.versions = jobs.versions("llamafactory", "trl", "datasets")
    report.bytes_before = jobs.peak_bytes()
    tuner.run_exp(
        {
            "model_name_or_path": job.model,
            "dataset": "unused beside tokenized_path",
            "tokenized_path": str(folder / "tokens"),
            "output_dir": str(folder / "out"),
            "do_train": True,
            "use_cpu": True,
            "max_steps": job.steps,
            "learning_rate": jobs.LEARNING_RATE,
            "lr_scheduler_type": "constant",
            "cutoff_len": jobs.MAX_LENGTH,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_shuffling": True,
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
            **flags,
        },
        [_begin(report), jobs.clock(report)],
    )


def _preference(task: str) -> dict[str, Any]:
    if task == "dpo":
        return {"pref_loss": "sigmoid", "pref_beta": jobs.DPO_BETA}
    return (
        {"pref_loss": "simpo", "pref_beta": jobs.SIMPO_BETA, "simpo_gamma": jobs.SIMPO_GAMMA} if task != "sft" else {}
    )


def _columns(job: Job) -> list[dict[str, Any]]:
    names = [""] if job.task == "sft" else ["chosen_", "rejected_"]
    found = []
    for row in job.rows():
        columns: dict[str, Any] = {}
        for name, answer in zip(names, row.answers, strict=True):
            columns[name + "input_ids"] = row.prompt + answer
            columns[name + "attention_mask"] = [1] * len(row.prompt + answer)
            columns[name + "labels"] = [-100] * len(row.prompt) + answer
        found.append({**columns, "images": None, "videos": None, "audios": None})
    return found


def _begin(report: Report) -> Any:
    """Return a callback that fixes the adapter's first weights and counts supervised tokens before the first step."""
    from transformers import TrainerCallback

    class Begin(TrainerCallback):
        def on_train_begin(
            self, args: Any, state: Any, control: Any, model: Any = None, train_dataloader: Any = None, **rest: Any
        ) -> None:
            jobs.fix_adapter(model)
            report.flags += f" attention={model.config._attn_implementation}"
            loader = getattr(train_dataloader, "base_dataloader", train_dataloader)
            loader.collate_fn = jobs.counting(loader.collate_fn, _supervised, report)

    return Begin()


def _supervised(batch: Any) -> int:
    return int((batch["labels"][:, 1:] != -100).sum())


if __name__ == "__main__":
    jobs.run(side)
