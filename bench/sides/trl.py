"""TRL's side: `trl` as it comes, `trl-strongest` with the flags that make it fast and lean on a CPU.

What is changed for the comparison's sake and costs nothing: the data come as token ids, and the adapter's first weights
are those of every side.
"""

from dataclasses import dataclass
from typing import Any

from bench.sides import job as jobs
from bench.sides.job import Job, Report


def side(job: Job, report: Report) -> None:
    """Train with TRL's own trainer of the task."""
    import datasets
    import transformers
    import trl
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer

    transformers.logging.set_verbosity_error()
    strongest = job.side == "trl-strongest"
    kind = {"sft": sft, "dpo": dpo, "simpo": simpo}[job.task](strongest)
    shared = {
        "output_dir": job.data + ".trl",
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        "max_steps": job.steps,
        "learning_rate": jobs.LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "max_length": jobs.MAX_LENGTH,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    rows = {"per_device_train_batch_size": job.batch}
    if strongest:
        rows = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": job.batch}
        kind.flags["gradient_checkpointing"] = False
    report.flags = " ".join(f"{name}={value}" for name, value in {**rows, **kind.flags}.items())
    report.versions = jobs.versions("trl", "datasets")
    if strongest and job.task != "simpo":
        # On a GPU TRL projects the label positions only; on a CPU it can do so too, but by default scores them all.
        trl.trainer.utils._use_triton = lambda device: True
        report.flags += " trl.trainer.utils._use_triton=True (label-only head)"
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    report.bytes_before = jobs.peak_bytes()
    model = AutoModelForCausalLM.from_pretrained(job.model, dtype="float32")
    report.flags += f" attention={model.config._attn_implementation}"
    lora = LoraConfig(
        r=jobs.RANK, lora_alpha=jobs.ALPHA, target_modules=list(jobs.TARGETS), bias="none", task_type="CAUSAL_LM"
    )
    arguments = kind.config(**shared, **rows, **kind.flags)
    arguments.train_sampling_strategy = "sequential"
    trainer = kind.trainer(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(kind.columns(job.rows())),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[jobs.clock(report)],
    )
    jobs.fix_adapter(trainer.model)
    trainer.data_collator = jobs.counting(trainer.data_collator, kind.supervised, report)
    trainer.train()


@dataclass
class Kind:
    """What differs from task to task."""

    trainer: Any
    config: Any
    flags: dict[str, Any]
    columns: Any
    """Rows to the columns that the trainer reads."""
    supervised: Any
    """A collated batch to the number of supervised tokens in it."""


def sft(strongest: bool) -> Kind:
    """Supervised fine-tuning on the answers."""
    import trl

    def columns(rows: list[jobs.Row]) -> list[dict[str, Any]]:
        return [
            {
                "input_ids": row.prompt + row.answers[0],
                "completion_mask": [0] * len(row.prompt) + [1] * len(row.answers[0]),
            }
            for row in rows
        ]

    def supervised(batch: Any) -> int:
        return int((batch["labels"][:, 1:] != -100).sum())

    return Kind(trl.SFTTrainer, trl.SFTConfig, {"completion_only_loss": True}, columns, supervised)


def dpo(strongest: bool) -> Kind:
    """Direct preference optimisation; at its strongest the reference is computed once."""
    import trl

    class Ready(trl.DPOTrainer):  # type: ignore[misc]
        """Takes pairs that are token ids already."""

        def _prepare_dataset(self, dataset: Any, *rest: Any, **more: Any) -> Any:
            return dataset

    def columns(rows: list[jobs.Row]) -> list[dict[str, Any]]:
        return [
            {"prompt_ids": row.prompt, "chosen_ids": row.answers[0], "rejected_ids": row.answers[1]} for row in rows
        ]

    def supervised(batch: Any) -> int:
        return int(batch["completion_mask"].sum())

    flags: dict[str, Any] = {"beta": jobs.DPO_BETA}
    if strongest:
        flags["precompute_ref_log_probs"] = True
    return Kind(Ready, trl.DPOConfig, flags, columns, supervised)


def simpo(strongest: bool) -> Kind:
    """SimPO, which TRL has in its CPO trainer."""
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    class Ready(CPOTrainer):  # type: ignore[misc]
        """Takes pairs that are token ids already."""

        def tokenize_row(self, feature: Any, model: Any = None) -> Any:
            return feature

    def columns(rows: list[jobs.Row]) -> list[dict[str, Any]]:
        return [
            {"prompt": "", "chosen": "", "rejected": "", **_labelled("chosen", row, 0), **_labelled("rejected", row, 1)}
            for row in rows
        ]

    def supervised(batch: Any) -> int:
        return sum(int((batch[f"{name}_labels"] != -100).sum()) for name in ("chosen", "rejected"))

    flags = {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": jobs.SIMPO_BETA, "simpo_gamma": jobs.SIMPO_GAMMA}
    return Kind(Ready, CPOConfig, flags, columns, supervised)


def _labelled(name: str, row: jobs.Row, which: int) -> dict[str, list[int]]:
    ids = row.prompt + row.answers[which]
    return {
        f"{name}_input_ids": ids,
        f"{name}_attention_mask": [1] * len(ids),
        f"{name}_labels": [-100] * len(row.prompt) + row.answers[which],
    }


if __name__ == "__main__":
    jobs.run(side)
