"""Our side: the trainer, objective, adapter and layout of the training step, put together as `training/train.py` does.

`Job.head`, `packed` and `share` switch parts of it off, to see what each is worth.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.sides import job as jobs
from bench.sides.job import Job, Report

OBJECTIVES: dict[str, dict[str, Any]] = {
    "sft": {"name": "cross_entropy"},
    "dpo": {"name": "dpo", "beta": jobs.DPO_BETA},
    "simpo": {"name": "simpo", "beta": jobs.SIMPO_BETA, "gamma": jobs.SIMPO_GAMMA},
}


def side(job: Job, report: Report) -> None:
    """Train with `StepTrainer`."""
    from transformers.utils.logging import disable_progress_bar

    from zhiyin.execution.runtime import Runtime
    from zhiyin.training.adapters import Method
    from zhiyin.training.objectives import Objective
    from zhiyin.training.train import Config, _arguments, _layout
    from zhiyin.training.trainer import StepTrainer
    from zhiyin.training.work import Work
    from zhiyin.weights.blocks import fuse_blocks
    from zhiyin.weights.load import load_model

    disable_progress_bar()
    config = _config(job, Config, Method, Objective)
    runtime = Runtime(device="cpu", micro_batch_tokens=job.micro_batch_tokens)
    report.versions = jobs.versions()
    report.bytes_before = jobs.peak_bytes()
    examples = _examples(job)
    model = load_model(Path(job.model), device="cpu", dtype=config.dtype)
    fuse_blocks(model)
    own = model.config._attn_implementation
    layout = _layout(config, model, examples, model.config.pad_token_id, runtime.micro_batch_tokens)
    if not layout.packed:
        raise SystemExit(f"the model cannot be packed: {layout.why}")
    if not job.packed:
        model.set_attn_implementation(own)
    layout = replace(layout, packed=job.packed, share=job.share and job.packed)
    _switch_head(job.head)
    model = config.adapter.wrap(model, [], steps=job.steps)
    jobs.fix_adapter(model)
    reference: dict[str, Any] = {}
    if config.objective.needs_reference:
        first, timed = examples[: job.batch], examples[job.batch :]
        for part in (first, timed):
            began = time.process_time()
            reference |= _reference(model, part, layout, Path(job.data + ".reference"))
            report.reference_seconds = time.process_time() - began
    work = Work(config.objective, examples, reference, layout)
    steps = [list(range(start, start + job.batch)) for start in range(0, len(examples), job.batch)]
    arguments = _arguments(config, runtime, len(steps), Path(job.data + ".ours"))
    trainer = StepTrainer(model, arguments, config.adapter, work, steps)
    trainer.add_callback(jobs.clock(report))
    trainer.train()
    report.flags = f"micro_batch_tokens={job.micro_batch_tokens} layout={layout.told} head={job.head}"
    points = [point.values for point in trainer.curve if point.split == "train"]
    report.losses = [values["loss"] for values in points]
    report.grad_norms = [values["grad_norm"] for values in points]
    batches = (batch for step in steps for batch in work.batches([examples[index] for index in step]))
    report.supervised = sum(len(batch.target_N) for batch in batches)


def _config(job: Job, config: Any, method: Any, objective: Any) -> Any:
    from zhiyin.execution.catalog import make

    lora = {"name": "lora", "rank": jobs.RANK, "alpha": jobs.ALPHA, "target_modules": list(jobs.TARGETS)}
    return config(
        objective=make(objective, OBJECTIVES[job.task]),
        adapter=make(method, lora),
        learning_rate=jobs.LEARNING_RATE,
        lr_scheduler_type="constant",
        warmup_ratio=0.0,
        batch_size=job.batch,
        max_length=jobs.MAX_LENGTH,
    )


def _examples(job: Job) -> list[Any]:
    from zhiyin.chat.encode import Encoded
    from zhiyin.training.examples import Example

    def encoded(prompt: list[int], answer: list[int]) -> Encoded:
        return Encoded(prompt + answer, [False] * len(prompt) + [True] * len(answer))

    return [Example(row.id, tuple(encoded(row.prompt, answer) for answer in row.answers)) for row in job.rows()]


def _reference(model: Any, examples: list[Any], layout: Any, cache: Path) -> dict[str, Any]:
    """Compute, not read: a file that is there would be taken."""
    from zhiyin.training.reference import reference_logprobs

    cache.unlink(missing_ok=True)
    return reference_logprobs(model, examples, layout=layout, cache=cache)


def _switch_head(head: str) -> None:
    """Replace the streamed head by one that holds logits: of the places that predict a supervised token, or of all."""
    if head == "streamed":
        return
    from torch.nn.functional import cross_entropy

    from zhiyin.training import reference, trainer
    from zhiyin.training.batches import Batch
    from zhiyin.training.logprobs import TokenLogProbs
    from zhiyin.weights.head import logits_at

    def held(model: Any, batch: Batch) -> TokenLogProbs:
        inputs: dict[str, Any] = {
            "input_ids": batch.input_ids_BT,
            "attention_mask": batch.attention_mask_BT,
            "position_ids": batch.position_ids_BT,
        }
        if batch.segments is not None:
            inputs["segments"] = batch.segments
        if head == "labels":
            logits_PV, place_N = logits_at(model, batch.row_N, batch.column_N, **inputs)
            logits_NV = logits_PV[place_N]
        else:
            logits_BTV = model(**inputs, use_cache=False).logits
            logits_NV = logits_BTV[batch.row_N, batch.column_N]
        values_N = -cross_entropy(logits_NV.float(), batch.target_N, reduction="none")
        return TokenLogProbs(values_N, batch.sequence_N, batch.num_sequences, batch.reference_S)

    for module in (trainer, reference):
        vars(module)["token_logprobs"] = held


if __name__ == "__main__":
    jobs.run(side)
