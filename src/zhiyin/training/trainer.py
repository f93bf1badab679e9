"""A thin subclass of `transformers.Trainer`: whole optimiser steps as batches, our losses, our checkpoints.

One item of the data loader is one optimiser step, already cut into micro-batches for this process. The loss of a
step is the sum over all its units (tokens, or pairs) divided by their number over all processes, so neither the
cut nor the number of processes changes the result beyond rounding.
"""

import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainingArguments

from zhiyin.artifacts import CurvePoint
from zhiyin.training import checkpoints
from zhiyin.training.adapters import Method
from zhiyin.training.batches import Batch
from zhiyin.training.logprobs import LossSum, token_logprobs
from zhiyin.training.work import StepBatch, StepDataset, Work

HELD_OUT_POINTS = 5
"""Held-out measurements after the one before training, evenly spread; the last is after the last step."""


class StepTrainer(Trainer):
    """Trains on `work` by the plan `steps`, keeps the curve, and checkpoints into the folder `args.output_dir`."""

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        method: Method,
        work: Work,
        steps: Sequence[Sequence[int]],
        held_out: Work | None = None,
    ) -> None:
        dataset = StepDataset(work, steps, args.process_index, args.world_size)
        super().__init__(model=model, args=args, train_dataset=dataset)
        self.network, self.method, self.work, self.held_out = model, method, work, held_out
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

    def training_step(self, model: torch.nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Run forward and backward over the micro-batches of one step; return its loss, for the log."""
        model.train()
        step: StepBatch = inputs
        sums: dict[str, Tensor] = {}
        for number, batch in enumerate(step.micro):
            last = number == len(step.micro) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                loss = self._loss(model, batch)
                mean, metrics = _normalised(loss, step.units, step.tokens, step.examples)
                # DDP averages gradients over processes; times their number, the average is the sum.
                total = mean * (step.counted * self.args.world_size)
                if last and (penalty := self.method.penalty(self.network)) is not None:
                    total = total + penalty
                self.accelerator.backward(total)
            if step.counted:
                self.tokens_seen += batch.tokens
                for name, value in metrics.items():
                    sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + value.double().cpu()
        self.step_values = self._means(sums, step.examples)
        if not math.isfinite(self.step_values["loss"]):
            raise FloatingPointError(
                f"the loss of step {self.state.global_step + 1} is {self.step_values['loss']}; "
                "lower learning_rate, or look for broken records in this step"
            )
        return torch.tensor(self.step_values["loss"], device=self.args.device)

    def _loss(self, model: torch.nn.Module, batch: Batch) -> LossSum:
        with self.compute_loss_context_manager():
            return self.work.objective.loss(token_logprobs(model, batch.to(self.args.device)))

    def _means(self, sums: dict[str, Tensor], examples: int) -> dict[str, float]:
        """Return the sums over all processes, per example."""
        names = sorted(sums) if self.args.world_size == 1 else sorted(self._all_names(sums))
        values = torch.stack([sums.get(name, torch.zeros((), dtype=torch.float64)) for name in names])
        if self.args.world_size > 1:
            values = self.accelerator.reduce(values.to(self.args.device), "sum").cpu()
        return {name: value / examples for name, value in zip(names, values.tolist(), strict=True)}

    def _all_names(self, sums: dict[str, Tensor]) -> set[str]:
        gathered: list[Any] = [None] * self.args.world_size
        torch.distributed.all_gather_object(gathered, list(sums))
        return {name for names in gathered for name in names}

    def measure(self) -> None:
        """Add loss and metrics of the held-out examples, under the model as it is now, to the curve."""
        if self.held_out is None:
            return
        self.network.eval()
        examples, objective = self.held_out.examples, self.work.objective
        units, tokens = sum(map(objective.units, examples)), sum(map(objective.tokens, examples))
        sums: dict[str, float] = {}
        with torch.no_grad():
            for batch in self.held_out.batches(examples):
                loss = self._loss(self.network, batch)
                for name, value in _normalised(loss, units, tokens, len(examples))[1].items():
                    sums[name] = sums.get(name, 0.0) + float(value)
        values = {name: value / len(examples) for name, value in sums.items()}
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

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
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
            if extra := self.method.state(self.network):
                save_file(extra, partial / "method.safetensors")
            self.state.save_to_json(str(partial / "trainer_state.json"))
            checkpoints.finish(partial)
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        checkpoints.load_weights(self.network, Path(resume_from_checkpoint) / "weights.safetensors")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = json.loads((Path(checkpoint) / "state.json").read_text(encoding="utf-8"))
        checkpoints.load_optimizer(self._optimizer(), Path(checkpoint) / "optimizer.safetensors", state["optimizer"])
        self._scheduler().load_state_dict(state["scheduler"])
        self.curve = [CurvePoint(*point) for point in state["curve"]]
        self.tokens_seen = state["tokens_seen"]
        if (extra := Path(checkpoint) / "method.safetensors").is_file():
            self.method.load_state(self.network, load_file(extra))

    def _optimizer(self) -> Optimizer:
        """The optimiser, which the Trainer makes before anything is saved or loaded."""
        return cast("Optimizer", self.optimizer)

    def _scheduler(self) -> LRScheduler:
        return cast("LRScheduler", self.lr_scheduler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.load_random(Path(checkpoint), self.args.process_index)


def _normalised(loss: LossSum, units: float, tokens: int, examples: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Return a micro-batch's part of the mean loss of its step, and its metrics as sums to be divided by `examples`."""
    mean = loss.total / units
    if loss.per_token is not None:
        mean = mean + loss.per_token / tokens
    by_token = {name: value * (examples / tokens) for name, value in loss.token_metrics.items()}
    return mean, {"loss": mean.detach() * examples, **loss.metrics, **by_token}
