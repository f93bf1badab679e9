"""Train a model on one record set with one objective: pre-training, supervised fine-tuning, preference optimisation."""

import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from zhiyin.artifacts import Adapter, Checkpoint, ConversationSet, PreferenceSet, ReferenceLogProbs, TextSet, write_json
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.store import CHECKPOINTS
from zhiyin.locale.words import say
from zhiyin.records import jsonl
from zhiyin.records.jsonl import Rejected
from zhiyin.training.adapters import AnyMethod
from zhiyin.training.examples import Example
from zhiyin.training.objectives import AnyObjective
from zhiyin.training.overlength import Intake, take_in
from zhiyin.training.probes import probe
from zhiyin.training.probes import summary as probed
from zhiyin.training.watch import Guards
from zhiyin.weights.foreseen import Foreseen, foreseen

if TYPE_CHECKING:
    from transformers import PreTrainedModel, TrainingArguments

    from zhiyin.chat.encode import Encoder
    from zhiyin.records.prompt import Completion
    from zhiyin.training.callbacks import Clock, Watch
    from zhiyin.training.layout import Layout
    from zhiyin.training.trainer import StepTrainer
    from zhiyin.training.work import Work
    from zhiyin.weights.budget import Budget


LARGE = 100_000_000
"""Parameters from which on a learning rate is compared with what is known to harm."""


class Config(StepConfig):
    """What is learnt, by which weights, how fast and how long."""

    resumable: ClassVar = True
    parallel: ClassVar = True

    objective: AnyObjective
    """`causal_lm`, `cross_entropy`, `dpo`, `simpo` or `orpo`: what is learnt from a record."""
    adapter: AnyMethod = Field(default="lora", validate_default=True)
    """`lora`, `adalora`, `qlora`, or `full` for all weights."""
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
    batch_tokens: int | None = Field(default=None, ge=1)
    """Tokens in one optimiser step, at most, in place of a number of examples."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of a sequence. A longer record is set aside, or cut (`guards.overlength`); text is laid end to end."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this norm; 0 leaves them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the frozen weights and of the matrix products; trained weights and their state stay float32."""
    seed: int = 42
    """Of the order of the records, the adapter's first weights and dropout."""
    guards: Guards = Guards()
    """What is checked before, during and after the training, and what then happens."""

    def produces(self, inputs: Mapping[str, type[Artifact]]) -> type[Artifact]:
        """Return `Checkpoint` or `Adapter`; raises `ValueError` when the records do not suit the objective."""
        for name in ("data", "held_out"):
            if name in inputs and not issubclass(inputs[name], self.objective.records):
                wanted, found = self.objective.records.__name__, inputs[name].__name__
                raise ValueError(f"objective {self.objective.name} learns from a {wanted}, and `{name}` is a {found}")
        if "start" in inputs and self.adapter.makes is not Adapter:
            raise ValueError(f"`start` is an adapter to go on from, and {self.adapter.name} trains the model itself")
        if {"reference", "held_out_reference"} & inputs.keys() and not self.objective.needs_reference:
            raise ValueError(f"objective {self.objective.name} needs no reference model")
        return self.adapter.makes

    def foresee(self, inputs: Mapping[str, Any]) -> Foreseen | None:
        """The shapes are those of the model trained on."""
        return foreseen(inputs["model"])

    def forecast(self, inputs: Mapping[str, Any], runtime: Any) -> Iterable[str]:
        """See `forecast`; without torch there is nothing to rehearse with."""
        try:
            from zhiyin.training.forecast import forecast
        except ModuleNotFoundError as missing:
            return [
                say(
                    "memory and tokens: not known without {package}; pip install 'zhiyin[train]' brings it",
                    package=missing.name,
                )
            ]
        return forecast(self, inputs, runtime)


def train(
    config: Config,
    *,
    out: Path,
    runtime: Runtime,
    model: Checkpoint,
    data: TextSet | ConversationSet | PreferenceSet,
    held_out: TextSet | ConversationSet | PreferenceSet | None = None,
    start: Adapter | None = None,
    reference: ReferenceLogProbs | None = None,
    held_out_reference: ReferenceLogProbs | None = None,
) -> Checkpoint | Adapter:
    """Train `model`, or an adapter of it, on `data`; measure `held_out`. Goes on from its last checkpoint."""
    from transformers import set_seed

    from zhiyin.chat.template import load_encoder
    from zhiyin.training import checkpoints, parallel
    from zhiyin.training.step_down import remembered
    from zhiyin.training.trainer import StepTrainer

    folder = out / CHECKPOINTS
    encoder = load_encoder(model.path)
    taken, others = _take_in(config, data, encoder), _take_in(config, held_out, encoder)
    steps = _plan(config, taken.examples)
    arguments = _arguments(config, runtime, len(steps), folder)
    network = _network(config, model, runtime.device)
    layout = _layout(config, network, taken.examples, encoder.pad_id, runtime.micro_batch_tokens)
    set_seed(config.seed)
    network = config.adapter.wrap(network, encoder.control_ids, steps=len(steps), start=start.path if start else None)
    budget = remembered(folder, runtime.micro_batch_tokens)
    _from_here((reference, held_out_reference), model, start)
    work = _work(config, taken.examples, network, layout, budget, reference or folder / "reference.safetensors")
    held_out_work = None
    if others.examples:
        kept = held_out_reference or folder / "held_out.safetensors"
        held_out_work = _work(config, others.examples, network, layout, budget, kept)
    _spread(network, runtime, arguments.world_size)
    trainer = StepTrainer(network, arguments, config.adapter, work, steps, held_out_work)
    figures = _check(config, encoder, trainer, taken, others)
    trainer.writer = checkpoints.Writer(keep=runtime.keep_checkpoints, background=runtime.checkpoint_async)
    clock, watch = _run(config, runtime, trainer, out)
    unfit = {row.where for row in (*taken.rejected, *others.rejected)}
    probes = probe(network, held_out or data, encoder, config.guards, runtime.micro_batch_tokens, apart_from=unfit)
    saved = parallel.whole(network, lambda: _network(config, model, "cpu"))
    if trainer.is_world_process_zero():
        config.adapter.save(saved, out, model.path.name)
        _copy_tokenizer(model.path, out)
        _write_course(out, trainer, clock, [*taken.rejected, *others.rejected])
        _write_guards(out, figures, probes)
    trainer.leave()
    summary = {**taken.summary(), **_summary(trainer), **_guarded(config, trainer, watch, probes)}
    return (Adapter if config.adapter.makes is Adapter else Checkpoint)(out, summary)


def _layout(config: Config, network: "PreTrainedModel", examples: list[Example], pad_id: int, tokens: int) -> "Layout":
    """Try how this model may be laid, in the types the training will compute in."""
    import torch

    from zhiyin.training.layout import choose

    network.requires_grad_(config.adapter.makes is not Adapter)
    with torch.autocast(network.device.type, torch.bfloat16, enabled=config.dtype == "bfloat16"):
        return choose(network, examples, tokens=tokens, pad_id=pad_id, share=not config.adapter.random)


def _spread(network: "PreTrainedModel", runtime: Runtime, processes: int) -> None:
    """Make the model as large as this machine holds it: without its activations, or cut over the processes."""
    from zhiyin.training.memory import forget_activations
    from zhiyin.training.parallel import shard

    if runtime.activation_checkpointing:
        forget_activations(network)
    if runtime.parallelism == "fsdp2" and processes > 1:
        shard(network)


def _take_in(config: Config, records: TextSet | ConversationSet | PreferenceSet | None, encoder: "Encoder") -> Intake:
    """Encode the records; raises `ValueError` when none can be learnt from."""
    if records is None:
        return Intake()
    truncate = config.guards.overlength == "truncate"
    return take_in(records, config.objective, encoder, max_length=config.max_length, truncate=truncate)


def _plan(config: Config, examples: "Sequence[Example]") -> list[list[int]]:
    """Return the examples of every optimiser step; how they are laid out later does not change it."""
    from zhiyin.training.batches import plan_steps

    return plan_steps(
        [sum(len(sequence.ids) for sequence in example.sequences) for example in examples],
        batch_size=config.batch_size,
        batch_tokens=config.batch_tokens,
        epochs=config.num_train_epochs,
        seed=config.seed,
    )


def _check(
    config: Config, encoder: "Encoder", trainer: "StepTrainer", taken: Intake, others: Intake
) -> dict[str, dict[str, Any]]:
    """Look at what is about to be learnt, and say what speaks against the settings; return the figures of each set."""
    from zhiyin.training.lint import lint, lint_batches

    found = {}
    for name, one in {"train": taken, "held_out": others}.items():
        if one.examples:
            figures = lint(one.examples, config.objective, encoder, max_length=config.max_length, cut=one.cut)
            found[name] = {**figures, **one.by_source()}
    lint_batches(trainer.steps)
    if trainer.is_world_process_zero():
        logger = logging.getLogger(__name__)
        for told in filter(None, (trainer.work.layout.told, config.objective.told())):
            logger.info(told)
        for caution in _cautions(config, trainer.network):
            logger.warning(caution)
    return found


def _cautions(config: Config, network: "PreTrainedModel") -> list[str]:
    """Return what speaks against the learning rate; all that is known of that is known of large models."""
    large = sum(parameter.numel() for parameter in network.parameters()) >= LARGE
    return config.objective.cautions(config.learning_rate) if large else []


def _run(config: Config, runtime: Runtime, trainer: "StepTrainer", out: Path) -> "tuple[Clock, Watch]":
    """Take the steps, from the last checkpoint on; after a signal, raises `KeyboardInterrupt` behind a checkpoint."""
    from zhiyin.training import checkpoints
    from zhiyin.training.callbacks import AfterStep, Clock, Watch, log_into
    from zhiyin.training.signals import heard

    checkpoint, telemetry = checkpoints.latest(out / CHECKPOINTS), out / "telemetry"
    with heard() as request:
        clock = Clock(trainer, runtime.checkpoint_seconds, request, telemetry)
        watch = Watch(trainer, config.guards)
        for callback in (AfterStep(trainer), clock, watch):
            trainer.add_callback(callback)
        log_into(telemetry, trainer)
        if checkpoint is None:
            trainer.measure()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if request.agreed:
            trainer.leave()
    return clock, watch


def _guarded(config: Config, trainer: "StepTrainer", watch: "Watch", probes: "Sequence[Completion]") -> dict[str, Any]:
    """Return what the guards have to say in the manifest; nothing of what there was no need to say."""
    cautions = _cautions(config, trainer.network)
    asked = {"probes": probed(probes)} if probes else {}
    return {**({"cautions": cautions} if cautions else {}), **watch.summary(), **asked}


def _network(config: Config, model: Checkpoint, device: str) -> "PreTrainedModel":
    """Load the weights trained on; those of an adapter's base may be of a smaller type, since they stay as they are."""
    from zhiyin.weights.blocks import fuse_blocks
    from zhiyin.weights.load import load_model, pick_device

    dtype = config.dtype if config.adapter.makes is Adapter else "float32"
    network = load_model(model, device=pick_device(device), dtype=dtype, **config.adapter.load_options(dtype))
    fuse_blocks(network)
    return network


def _from_here(references: "Sequence[ReferenceLogProbs | None]", model: Checkpoint, start: Adapter | None) -> None:
    """Raise `ValueError` when log-probabilities are of another model than the training starts from."""
    here = {name: one.path.name for name, one in {"model": model, "start": start}.items() if one}
    for one in references:
        of = {name: folder for name, folder in one.manifest.inputs.items() if name != "data"} if one else here
        if one and of != here:
            raise ValueError(f"{one.path} is of {of}, and this training starts from {here}")


def _work(
    config: Config,
    examples: list[Example],
    network: "PreTrainedModel",
    layout: "Layout",
    budget: "Budget",
    kept: Path | ReferenceLogProbs,
) -> "Work":
    """Bring the examples together with what their loss needs; the reference model is `network`, not trained yet.

    That is the base under a new adapter, which changes nothing yet, and the adapter that training goes on from. `kept`
    has its log-probabilities, or is the file to keep them in.
    """
    from zhiyin.training.reference import kept_logprobs, reference_logprobs
    from zhiyin.training.work import Work

    reference = {}
    if isinstance(kept, ReferenceLogProbs):
        reference = kept_logprobs(kept, examples)
    elif config.objective.needs_reference:
        reference = reference_logprobs(network, examples, layout=layout, budget=budget, cache=kept)
    return Work(config.objective, examples, reference, layout, budget)


def _summary(trainer: "StepTrainer") -> dict[str, Any]:
    """Return what the manifest says of a finished training."""
    last = [point for point in trainer.curve if point.split == "train"][-1]
    return {
        "layout": trainer.work.layout.told,
        "steps": len(trainer.steps),
        "tokens": trainer.tokens_seen,
        "trained_parameters": sum(p.numel() for p in trainer.network.parameters() if p.requires_grad),
        "final_loss": last.values["loss"],
        **trainer.method.summary(trainer.network),
    }


def _arguments(config: Config, runtime: Runtime, steps: int, folder: Path) -> "TrainingArguments":
    """Translate our config into the Trainer's words; whatever we do ourselves is switched off there."""
    from transformers import TrainingArguments

    from zhiyin.training.parallel import take_device
    from zhiyin.weights.load import pick_device

    take_device(pick_device(runtime.device))
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
        report_to=runtime.report_to,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        ddp_broadcast_buffers=False,
    )


def _write_course(out: Path, trainer: "StepTrainer", clock: "Clock", rejected: list[Rejected]) -> None:
    """Write what happened: the curve, the records set aside, and how fast it went."""
    jsonl.write(out / "curve.jsonl", trainer.curve)
    jsonl.write(out / "rejected.jsonl", rejected)
    (out / "telemetry").mkdir(exist_ok=True)
    write_json(out / "telemetry" / "speed.json", {"tokens_per_second": round(clock.tokens_per_second, 1)})


def _write_guards(out: Path, figures: dict[str, dict[str, Any]], probes: "Sequence[Completion]") -> None:
    """Write what was found before the first step and after the last."""
    write_json(out / "lint.json", figures)
    if probes:
        jsonl.write(out / "probes.jsonl", probes)


def _copy_tokenizer(source: Path, out: Path) -> None:
    """Copy tokenizer, chat template and template name of the base beside the trained weights."""
    for name in ("tokenizer.json", "tokenizer_config.json", "template.json"):
        shutil.copyfile(source / name, out / name)
