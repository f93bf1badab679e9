"""Train a model on one record set with one objective: pre-training, supervised fine-tuning, preference optimisation."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint, ConversationSet, PreferenceSet, TextSet, write_json
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.store import CHECKPOINTS
from zhiyin.records import jsonl
from zhiyin.records.jsonl import Rejected
from zhiyin.training.adapters import AnyMethod
from zhiyin.training.examples import Example
from zhiyin.training.objectives import AnyObjective

if TYPE_CHECKING:
    from transformers import PreTrainedModel, TrainingArguments

    from zhiyin.chat.encode import Encoder
    from zhiyin.training.callbacks import Clock
    from zhiyin.training.layout import Layout
    from zhiyin.training.trainer import StepTrainer
    from zhiyin.training.work import Work


class Config(StepConfig):
    """What is learnt, by which weights, how fast and how long."""

    resumable: ClassVar = True
    parallel: ClassVar = True

    objective: AnyObjective
    """`causal_lm`, `cross_entropy`, `dpo`: what is learnt from a record."""
    adapter: AnyMethod = Field(default="lora", validate_default=True)
    """`lora`, or `full` for all weights."""
    learning_rate: float = Field(default=1e-4, ge=0)
    """Highest learning rate."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """How it falls after the warm-up."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which it rises."""
    num_train_epochs: float = Field(default=1.0, gt=0)
    """Passes over the records; each is a new seeded shuffle."""
    batch_size: int = Field(default=32, ge=1)
    """Examples in one optimiser step: sequences, or pairs."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of a sequence. A longer record is set aside with its reason, never cut; text is laid end to end."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this norm; 0 leaves them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the frozen weights and of the matrix products; trained weights and their state stay float32."""
    seed: int = 42
    """Of the order of the records, the adapter's first weights and dropout."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return `Checkpoint` or `Adapter`; raises `ValueError` when the records do not suit the objective."""
        for name in ("data", "held_out"):
            if name in inputs and not issubclass(inputs[name], self.objective.records):
                wanted, found = self.objective.records.__name__, inputs[name].__name__
                raise ValueError(f"objective {self.objective.name} learns from a {wanted}, and `{name}` is a {found}")
        if "start" in inputs and self.adapter.makes is not Adapter:
            raise ValueError(f"`start` is an adapter to go on from, and {self.adapter.name} trains the model itself")
        return self.adapter.makes


def train(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    model: Checkpoint,
    data: TextSet | ConversationSet | PreferenceSet,
    held_out: TextSet | ConversationSet | PreferenceSet | None = None,
    start: Adapter | None = None,
) -> Checkpoint | Adapter:
    """Train `model`, or an adapter of it, on `data`; measure `held_out`. Goes on from its last checkpoint."""
    from transformers import set_seed

    from zhiyin.chat.template import load_encoder
    from zhiyin.training import checkpoints
    from zhiyin.training.batches import plan_steps
    from zhiyin.training.callbacks import AfterStep, Clock
    from zhiyin.training.layout import choose
    from zhiyin.training.trainer import StepTrainer

    folder = out / CHECKPOINTS
    encoder = load_encoder(model.path)
    examples, rejected = _examples(config, data, encoder)
    others, others_rejected = _examples(config, held_out, encoder) if held_out else ([], [])
    steps = plan_steps(len(examples), config.batch_size, config.num_train_epochs, config.seed)
    network = _network(config, model, runtime)
    layout = choose(
        network,
        examples,
        tokens=runtime.micro_batch_tokens,
        pad_id=encoder.pad_id,
        share=not config.adapter.random,
    )
    set_seed(config.seed)
    begun = start.path if start else None
    network = config.adapter.wrap(network, encoder.control_ids, steps=len(steps), start=begun)
    work = _work(config, examples, network, layout, folder / "reference.safetensors")
    held_out_work = _work(config, others, network, layout, folder / "held_out.safetensors") if others else None
    arguments = _arguments(config, runtime, len(steps), folder)
    trainer = StepTrainer(network, arguments, config.adapter, work, steps, held_out_work)
    clock = Clock(trainer, runtime.checkpoint_seconds)
    trainer.add_callback(AfterStep(trainer))
    trainer.add_callback(clock)
    checkpoint = checkpoints.latest(folder)
    if checkpoint is None:
        trainer.measure()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.is_world_process_zero():
        config.adapter.save(network, out, model.path.name)
        _copy_tokenizer(model.path, out)
        _write_course(out, trainer, clock, [*rejected, *others_rejected])
    trainer.leave()
    last = [point for point in trainer.curve if point.split == "train"][-1]
    summary = {
        "examples": len(examples),
        "set_aside": len(rejected),
        "steps": len(steps),
        "tokens": trainer.tokens_seen,
        "layout": layout.told,
        "trained_parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "final_loss": last.values["loss"],
        **config.adapter.summary(network),
    }
    return (Adapter if config.adapter.makes is Adapter else Checkpoint)(out, summary)


def _examples(
    config: Config, data: TextSet | ConversationSet | PreferenceSet, encoder: "Encoder"
) -> tuple[list[Example], list[Rejected]]:
    """Encode the records; raises `ValueError` when none can be learnt from."""
    found = list(config.objective.examples(data, encoder, config.max_length))
    examples = [one for one in found if isinstance(one, Example)]
    rejected = [one for one in found if isinstance(one, Rejected)]
    if not examples:
        reasons = "; ".join(f"{row.where}: {row.reason} ({row.row})" for row in rejected[:3])
        raise ValueError(f"{data.path}: no record can be learnt from with max_length {config.max_length}. {reasons}")
    return examples, rejected


def _network(config: Config, model: Checkpoint, runtime: Runtime) -> "PreTrainedModel":
    """Load the weights trained on; those of an adapter's base may be of a smaller type, since they stay as they are."""
    from zhiyin.weights.load import load_model, pick_device

    dtype = config.dtype if config.adapter.makes is Adapter else "float32"
    return load_model(model, device=pick_device(runtime.device), dtype=dtype, **config.adapter.load_options(dtype))


def _work(config: Config, examples: list[Example], network: "PreTrainedModel", layout: "Layout", cache: Path) -> "Work":
    """Bring the examples together with what their loss needs; the reference model is `network`, which is not trained yet.

    It is the started policy when training goes on from an adapter; a new adapter changes nothing yet.
    """
    from zhiyin.training.reference import reference_logprobs
    from zhiyin.training.work import Work

    reference = {}
    if config.objective.needs_reference:
        reference = reference_logprobs(network, examples, layout=layout, cache=cache)
    return Work(config.objective, examples, reference, layout)


def _arguments(config: Config, runtime: Runtime, steps: int, folder: Path) -> "TrainingArguments":
    """Translate our config into the Trainer's words; whatever we do ourselves is switched off there."""
    from transformers import TrainingArguments

    from zhiyin.weights.load import pick_device

    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        warmup_steps=round(config.warmup_ratio * steps),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch",
        bf16=config.dtype == "bfloat16",
        seed=config.seed,
        use_cpu=pick_device(runtime.device) == "cpu",
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )


def _write_course(out: Path, trainer: "StepTrainer", clock: "Clock", rejected: list[Rejected]) -> None:
    """Write what happened: the curve, the records set aside, and how fast it went."""
    jsonl.write(out / "curve.jsonl", trainer.curve)
    jsonl.write(out / "rejected.jsonl", rejected)
    (out / "telemetry").mkdir(exist_ok=True)
    write_json(out / "telemetry" / "speed.json", {"tokens_per_second_per_process": round(clock.tokens_per_second, 1)})


def _copy_tokenizer(source: Path, out: Path) -> None:
    """Copy tokenizer, chat template and template name of the base beside the trained weights."""
    for name in ("tokenizer.json", "tokenizer_config.json", "template.json"):
        shutil.copyfile(source / name, out / name)
