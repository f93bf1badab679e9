"""A thin subclass of `transformers.Trainer`: whole optimiser steps as batches, our losses, our checkpoints.

One item of the data loader is one optimiser step, already cut into micro-batches for this process. The loss of a
step is the sum over all its units (tokens, or pairs) divided by their number over all processes, so neither the
cut nor the number of processes changes the result beyond rounding.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments

from zhiyin.artifacts import CurvePoint
from zhiyin.training import checkpoints, parallel
from zhiyin.training.adapters import Method
from zhiyin.training.batches import Batch
from zhiyin.training.logprobs import LossSum, token_logprobs
from zhiyin.training.step_down import take_step
from zhiyin.training.watch import check_finite
from zhiyin.training.work import StepBatch, StepDataset, Work

Metrics = dict[str, Tensor]
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
        self.remove_callback(PrinterCallback)
        self.network, self.method, self.work, self.held_out = model, method, work, held_out
        self.folder = Path(str(args.output_dir))
        self.steps = dataset
        self.writer = checkpoints.Writer(keep=1, background=False)
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
        compute = partial(self._pass, model, inputs)
        step, parts = take_step(inputs, compute, work=self.work, model=model, doing="an optimiser step")
        self.step_values = self._counted(self._means({**_total(parts), **_counts(step)}, step.examples))
        self._check_finite("loss", self.step_values["loss"])
        return torch.tensor(self.step_values["loss"], device=self.args.device)

    def _pass(self, model: torch.nn.Module, step: StepBatch, batch: Batch, last: bool, counts: bool) -> Metrics:
        """Run forward and backward over one micro-batch of a step."""
        with contextlib.nullcontext() if last else parallel.unsynced(self.accelerator, model):
            loss = self._loss(model, batch)
            mean, metrics = _normalised(loss, step.units, step.tokens, step.examples)
            # Gradients are averaged over processes; times their number, the average is the sum.
            total = mean * (counts * self.args.world_size)
            if last and (penalty := self.method.penalty(self.network)) is not None:
                total = total + penalty
            self.accelerator.backward(total)
        return metrics if counts else {}

    def _loss(self, model: torch.nn.Module, batch: Batch) -> LossSum:
        with self.compute_loss_context_manager():
            return self.work.objective.loss(token_logprobs(model, batch.to(self.args.device)))

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        """Look at the norm before the optimiser takes its step."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[no-untyped-call]
        self._check_finite("gradient norm", float(norm))
        return norm

    def _check_finite(self, what: str, value: float) -> None:
        """Stop at a broken value, which is the same in every process, and keep the ids of the step's records."""
        step = self.state.global_step
        ids = [self.work.examples[index].id for index in self.steps.steps[step]]
        check_finite(what, value, step + 1, ids, self.folder)

    def _counted(self, values: dict[str, float]) -> dict[str, float]:
        """Count the tokens; return the values with the share of padding, where rows are padded, instead of counts."""
        padding, places = values.pop("padding"), values.pop("places")
        self.tokens_seen += round(places - padding)
        return values if self.work.layout.packed else {**values, "padding_share": padding / places}

    def _means(self, sums: dict[str, Tensor], examples: int) -> dict[str, float]:
        """Return the sums over all processes, per example."""
        names = sorted(sums) if self.args.world_size == 1 else sorted(self._all_names(sums))
        values = torch.stack([sums.get(name, torch.zeros((), dtype=torch.float64)) for name in names])
        if self.args.world_size > 1:
            values = self.accelerator.reduce(values.to(self.args.device), "sum").cpu()
        return {name: value / examples for name, value in zip(names, values.tolist(), strict=True)}

    def _all_names(self, sums: dict[str, Tensor]) -> set[str]:
        return {name for names in parallel.from_all(list(sums)) for name in names}

    def measure(self) -> None:
        """Add loss and metrics of the held-out examples, under the model as it is now, to the curve."""
        if self.held_out is None:
            return
        self.network.eval()
        everything = range(len(self.held_out.examples))
        step = StepDataset(self.held_out, [everything], self.args.process_index, self.args.world_size)[0]
        with torch.no_grad():
            compute, doing = partial(self._measured, step), "the held-out measurement"
            step, parts = take_step(step, compute, work=self.held_out, model=self.network, doing=doing)
        parallel.settle(self.network)
        self.curve.append(CurvePoint(self.state.global_step, "held_out", self._means(_total(parts), step.examples)))

    def _measured(self, step: StepBatch, batch: Batch, last: bool, counts: bool) -> Metrics:
        """Run forward over one micro-batch of the held-out examples."""
        loss = self._loss(self.network, batch)
        return _normalised(loss, step.units, step.tokens, step.examples)[1] if counts else {}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep one point of the curve, and show it to the callbacks; called after every step, and once at the end."""
        if "grad_norm" in logs:
            values = {**self.step_values, "grad_norm": logs["grad_norm"], "learning_rate": logs["learning_rate"]}
            self.curve.append(CurvePoint(self.state.global_step, "train", dict(values)))
            if self.state.global_step in self.measure_at:
                self.measure()
            if (last := self.curve[-1]).split == "held_out":
                values |= {f"eval_{name}": value for name, value in last.values.items()}
            self.control = self.callback_handler.on_log(self.args, self.state, self.control, values)

    def leave(self) -> None:
        """Part from the other processes, once all are done: one that just exits can abort on a live connection."""
        self.writer.wait()
        self.accelerator.wait_for_everyone()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    def floating_point_ops(self, inputs: Any) -> int:
        """Return nothing: the Trainer's estimate does not know our batches."""
        return 0

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write a checkpoint in our format; see `checkpoints`. The first process writes all but the shards."""
        partial = self.folder / f"{checkpoints.PREFIX}{self.state.global_step:08d}.partial"
        randoms = parallel.from_all(checkpoints.random_state())
        if self.args.should_save:
            self.writer.begin(self.folder, self.state.global_step)
        self.accelerator.wait_for_everyone()
        states = {f"{rank}.{name}": state for rank, (own, _) in enumerate(randoms) for name, state in own.items()}
        tensors = {"random": states, "method": self.method.state(self.network)}
        optimizer: dict[str, Any] = {}
        if parallel.cuts_trained(self.network):
            checkpoints.save_shards(self.network, self._optimizer(), partial / checkpoints.SHARDS)
        else:
            tensors["weights"] = checkpoints.trained(self.network)
            tensors["optimizer"], optimizer = checkpoints.optimizer_state(self._optimizer())
        state = {
            "plan": self.plan,
            "optimizer": optimizer,
            "scheduler": self._scheduler().state_dict(),
            "curve": [[point.step, point.split, point.values] for point in self.curve],
            "tokens_seen": self.tokens_seen,
        }
        if self.args.should_save:
            others = {"ranks": [own for _, own in randoms]}
            self.writer.write(partial, tensors, {"state": state, "random": others, "trainer_state": asdict(self.state)})
        self.accelerator.wait_for_everyone()

    @cached_property
    def plan(self) -> str:
        """A hash of all steps; a checkpoint of another plan is refused."""
        return checkpoints.plan_digest(self.work.examples, self.steps.steps)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        checkpoints.check_plan(Path(resume_from_checkpoint), self.plan)
        checkpoints.load_weights(self.network, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        state = json.loads((Path(checkpoint) / "state.json").read_text(encoding="utf-8"))
        checkpoints.load_optimizer(self.network, self._optimizer(), Path(checkpoint), state["optimizer"])
        self._scheduler().load_state_dict(state["scheduler"])
        self.curve = [CurvePoint(*point) for point in state["curve"]]
        self.tokens_seen = state["tokens_seen"]
        if extra := load_file(Path(checkpoint) / "method.safetensors"):
            self.method.load_state(self.network, extra)

    def _optimizer(self) -> Optimizer:
        """The optimiser, which the Trainer makes before anything is saved or loaded, without what wraps it."""
        return cast("Optimizer", getattr(self.optimizer, "optimizer", self.optimizer))

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


def _total(parts: Sequence[Metrics]) -> Metrics:
    """Add up the metrics of the micro-batches, in float64."""
    sums: Metrics = {}
    for name, value in chain.from_iterable(metrics.items() for metrics in parts):
        sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + value.double().cpu()
    return sums


def _counts(step: StepBatch) -> dict[str, Tensor]:
    """Return the supervised tokens, the places and the padding of this process's share, to be divided by `examples`."""
    counts = {
        "supervised_tokens": sum(len(batch.target_N) for batch in step.micro),
        "places": sum(batch.input_ids_BT.numel() for batch in step.micro),
        "padding": sum(batch.input_ids_BT.numel() - batch.tokens for batch in step.micro),
    }
    return {name: torch.tensor(count * step.examples, dtype=torch.float64) for name, count in counts.items()}
