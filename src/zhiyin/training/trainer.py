"""A thin subclass of `transformers.Trainer`: whole optimiser steps as batches, our losses, our checkpoints.

One item of the data loader is one optimiser step, already cut into micro-batches for this process. The loss of a
step is the sum over all its units (tokens, or pairs) divided by their number over all processes, so neither the
cut nor the number of processes changes the result beyond rounding.
"""

import contextlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from zhiyin.artifacts import CurvePoint
from zhiyin.execution.progress import report
from zhiyin.training import checkpoints
from zhiyin.training.batches import Batch, micro_batches, pad
from zhiyin.training.examples import Example
from zhiyin.training.logprobs import LossSum, token_logprobs
from zhiyin.training.objectives import Objective


@dataclass(frozen=True)
class StepBatch:
    """The part of one optimiser step that this process computes."""

    micro: list[Batch]
    units: int
    """Units of the whole step, over all processes: the divisor of its loss."""
    examples: int
    """Examples of the whole step, over all processes: the divisor of its metrics."""
    counted: bool = True
    """False for a process without an example in this step: it computes one all the same, for nothing."""


@dataclass(frozen=True)
class Work:
    """What is trained on: examples, the objective, and how the tensors of a step are laid out."""

    objective: Objective
    examples: Sequence[Example]
    reference: dict[str, Tensor]
    """Example id to the reference log-probabilities of its sequences; empty without a reference model."""
    pad_id: int
    micro_batch_tokens: int

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        """Lay examples out as micro-batches."""
        batches = []
        for group in micro_batches(examples, self.micro_batch_tokens):
            batch = pad([sequence for example in group for sequence in example.sequences], self.pad_id)
            if self.reference:
                batch = replace(batch, reference_S=torch.cat([self.reference[example.id] for example in group]))
            batches.append(batch)
        return batches


class StepDataset(Dataset[StepBatch]):
    """Optimiser step number to the share of it that one process computes."""

    def __init__(self, work: Work, steps: Sequence[Sequence[int]], rank: int, processes: int) -> None:
        self.work, self.steps, self.rank, self.processes = work, steps, rank, processes

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, step: int) -> StepBatch:
        chosen = [self.work.examples[index] for index in self.steps[step]]
        units = sum(self.work.objective.units(example) for example in chosen)
        mine = chosen[self.rank :: self.processes]
        return StepBatch(self.work.batches(mine or chosen[:1]), units, len(chosen), counted=bool(mine))


HELD_OUT_POINTS = 5
"""Held-out measurements after the one before training, evenly spread; the last is after the last step."""


class StepTrainer(Trainer):
    """Trains on `work` by the plan `steps`, keeps the curve, and checkpoints into the folder `args.output_dir`."""

    def __init__(
        self,
        model: nn.Module,
        args: TrainingArguments,
        work: Work,
        steps: Sequence[Sequence[int]],
        held_out: Work | None,
    ) -> None:
        dataset = StepDataset(work, steps, args.process_index, args.world_size)
        super().__init__(model=model, args=args, train_dataset=dataset)
        self.network, self.work, self.held_out = model, work, held_out
        self.folder = Path(str(args.output_dir))
        self.steps = dataset
        self.curve: list[CurvePoint] = []
        self.tokens_seen = 0
        self.step_values: dict[str, float] = {}
        self.measure_at = {round(len(steps) * part / HELD_OUT_POINTS) for part in range(1, HELD_OUT_POINTS + 1)}

    def get_train_dataloader(self) -> DataLoader[StepBatch]:
        """Return the steps in order; each item is collated already."""
        return DataLoader(self.steps, batch_size=1, shuffle=False, collate_fn=lambda items: items[0])

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        """Return the next step; it carries the number of its units, so the Trainer need not count."""
        return [next(epoch_iterator)], None

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Run forward and backward over the micro-batches of one step; return its loss, for the log."""
        model.train()
        step: StepBatch = inputs
        sums: dict[str, Tensor] = {}
        for number, batch in enumerate(step.micro):
            last = number == len(step.micro) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                loss = self._loss(model, batch)
                # DDP averages gradients over processes; times their number, the average is the sum.
                scale = step.counted * self.args.world_size / step.units
                self.accelerator.backward(loss.total * scale)
            if step.counted:
                self.tokens_seen += batch.tokens
                for name, value in {"loss": loss.total.detach(), **loss.metrics}.items():
                    sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + value.double().cpu()
        self.step_values = self._means(sums, step)
        if not math.isfinite(self.step_values["loss"]):
            raise FloatingPointError(
                f"the loss of step {self.state.global_step + 1} is {self.step_values['loss']}; "
                "lower learning_rate, or look for broken records in this step"
            )
        return torch.tensor(self.step_values["loss"], device=self.args.device)

    def _loss(self, model: nn.Module, batch: Batch) -> LossSum:
        with self.compute_loss_context_manager():
            return self.work.objective.loss(token_logprobs(model, batch.to(self.args.device)))

    def _means(self, sums: dict[str, Tensor], step: StepBatch) -> dict[str, float]:
        """Return loss per unit and metrics per example, over all processes."""
        names = sorted(sums) if self.args.world_size == 1 else sorted(self._all_names(sums))
        values = torch.stack([sums.get(name, torch.zeros((), dtype=torch.float64)) for name in names])
        if self.args.world_size > 1:
            values = self.accelerator.reduce(values.to(self.args.device), "sum").cpu()
        found = dict(zip(names, values.tolist(), strict=True))
        return {name: value / (step.units if name == "loss" else step.examples) for name, value in found.items()}

    def _all_names(self, sums: dict[str, Tensor]) -> set[str]:
        gathered: list[Any] = [None] * self.args.world_size
        torch.distributed.all_gather_object(gathered, list(sums))
        return {name for names in gathered for name in names}

    def measure(self) -> None:
        """Add loss and metrics of the held-out examples, under the model as it is now, to the curve."""
        if self.held_out is None:
            return
        self.network.eval()
        sums: dict[str, float] = {}
        with torch.no_grad():
            for batch in self.held_out.batches(self.held_out.examples):
                loss = self._loss(self.network, batch)
                for name, value in {"loss": loss.total, **loss.metrics}.items():
                    sums[name] = sums.get(name, 0.0) + float(value)
        count = len(self.held_out.examples)
        units = sum(self.work.objective.units(example) for example in self.held_out.examples)
        values = {name: value / (units if name == "loss" else count) for name, value in sums.items()}
        self.curve.append(CurvePoint(self.state.global_step, "held_out", values))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep one point of the curve; called by the Trainer after every step, and once at the end."""
        if "grad_norm" in logs:
            values = {**self.step_values, "grad_norm": logs["grad_norm"], "learning_rate": logs["learning_rate"]}
            self.curve.append(CurvePoint(self.state.global_step, "train", values))
            if self.state.global_step in self.measure_at:
                self.measure()

    def leave(self) -> None:
        """Part from the other processes, once all are done: one that just exits can abort on a live connection."""
        self.accelerator.wait_for_everyone()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def floating_point_ops(self, inputs: Any) -> int:
        """Return nothing: the Trainer's estimate does not know our batches."""
        return 0

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint in our format; see `checkpoints`."""
        partial = self.folder / f"{checkpoints.PREFIX}{self.state.global_step:08d}.partial"
        if self.args.should_save:
            checkpoints.begin(self.folder, self.state.global_step)
        self.accelerator.wait_for_everyone()
        checkpoints.save_random(partial, self.args.process_index)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            checkpoints.save_weights(self.network, partial / "weights.safetensors")
            optimizer = checkpoints.save_optimizer(self._optimizer(), partial / "optimizer.safetensors")
            state = {
                "optimizer": optimizer,
                "scheduler": self._scheduler().state_dict(),
                "curve": [[point.step, point.split, point.values] for point in self.curve],
                "tokens_seen": self.tokens_seen,
            }
            (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
            self.state.save_to_json(str(partial / "trainer_state.json"))
            checkpoints.finish(partial)
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        checkpoints.load_weights(self.network, Path(resume_from_checkpoint) / "weights.safetensors")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = json.loads((Path(checkpoint) / "state.json").read_text(encoding="utf-8"))
        checkpoints.load_optimizer(self._optimizer(), Path(checkpoint) / "optimizer.safetensors", state["optimizer"])
        self._scheduler().load_state_dict(state["scheduler"])
        self.curve = [CurvePoint(*point) for point in state["curve"]]
        self.tokens_seen = state["tokens_seen"]

    def _optimizer(self) -> Optimizer:
        """The optimiser, which the Trainer makes before anything is saved or loaded."""
        return cast("Optimizer", self.optimizer)

    def _scheduler(self) -> LRScheduler:
        return cast("LRScheduler", self.lr_scheduler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_random(Path(checkpoint), self.args.process_index)


class Clock(TrainerCallback):
    """Tells the watcher how far the training is, and asks for a checkpoint when enough time has passed."""

    def __init__(self, trainer: StepTrainer, checkpoint_seconds: float) -> None:
        self.trainer, self.checkpoint_seconds = trainer, checkpoint_seconds
        self.began = self.saved = time.monotonic()
        self.tokens_before = 0

    @property
    def tokens_per_second(self) -> float:
        """Tokens without padding, of this process, since this run of the training began."""
        return (self.trainer.tokens_seen - self.tokens_before) / (time.monotonic() - self.began)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Start the clock."""
        self.began = self.saved = time.monotonic()
        self.tokens_before = self.trainer.tokens_seen

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Report the step; decide about a checkpoint, the same way in every process."""
        speed = f"{self.tokens_per_second * args.world_size:,.0f}"
        loss = f"{self.trainer.step_values['loss']:.3f}"
        report(state.global_step, state.max_steps, "steps", **{"loss": loss, "tokens/s": speed})
        due = torch.tensor(time.monotonic() - self.saved > self.checkpoint_seconds, device=args.device)
        if args.world_size > 1:
            torch.distributed.broadcast(due, src=0)
        if due and state.global_step < state.max_steps:
            control.should_save = True
            self.saved = time.monotonic()
