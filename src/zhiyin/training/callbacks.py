"""What happens around a training step without being part of it: clock, guards, and the training method's own acts."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from zhiyin.execution.progress import report
from zhiyin.execution.provenance import peak_memory
from zhiyin.training.signals import StopRequest
from zhiyin.training.trainer import StepTrainer
from zhiyin.training.watch import Finding, Guards, findings


class AfterStep(TrainerCallback):
    """Lets the training method act after the optimiser's step, while the gradients are still there."""

    def __init__(self, trainer: StepTrainer) -> None:
        self.trainer = trainer

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any
    ) -> None:
        """Hand over the number of the step, counted from 1; the Trainer counts it only afterwards."""
        self.trainer.method.after_step(self.trainer.network, state.global_step + 1)


class Clock(TrainerCallback):
    """Tells the watcher how far the training is, and asks for a checkpoint when enough time has passed, or for the end.

    Seconds, speed and memory of every step go to `telemetry/speed.jsonl`.
    """

    def __init__(self, trainer: StepTrainer, checkpoint_seconds: float, request: StopRequest, telemetry: Path) -> None:
        self.trainer, self.checkpoint_seconds, self.request = trainer, checkpoint_seconds, request
        self.speed = telemetry / "speed.jsonl"
        self.began = self.saved = self.step_began = time.monotonic()
        self.tokens_before = 0

    @property
    def tokens_per_second(self) -> float:
        """Tokens without padding, of all processes, since this run of the training began."""
        return (self.trainer.tokens_seen - self.tokens_before) / (time.monotonic() - self.began)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Start the clock."""
        self.began = self.saved = time.monotonic()
        self.tokens_before = self.trainer.tokens_seen
        self.speed.parent.mkdir(parents=True, exist_ok=True)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Start the step's own clock."""
        self.step_began = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Report the step; decide about a checkpoint and about the end, the same way in every process."""
        speed = f"{self.tokens_per_second:,.0f}"
        loss = f"{self.trainer.step_values['loss']:.3f}"
        report(state.global_step, state.max_steps, "steps", **{"loss": loss, "tokens/s": speed})
        if state.is_world_process_zero:
            self._record(state.global_step)
        due = state.is_world_process_zero and time.monotonic() - self.saved > self.checkpoint_seconds
        save, self.request.agreed = _agreed(args, int(due), self.request.number)
        if self.request.agreed:
            control.should_save = control.should_training_stop = True
        elif save and state.global_step < state.max_steps:
            control.should_save = True
            self.saved = time.monotonic()

    def _record(self, step: int) -> None:
        """Add a line on this step; after an interruption, steps taken again stand there twice."""
        seconds = time.monotonic() - self.step_began
        cuda = torch.cuda.is_available()
        line = {
            "step": step,
            "seconds": round(seconds, 4),
            "supervised_tokens_per_second": round(self.trainer.step_values["supervised_tokens"] / seconds, 1),
            "memory_bytes": torch.cuda.max_memory_allocated() if cuda else peak_memory(),
        }
        with self.speed.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Watch(TrainerCallback):
    """Looks at every new held-out measurement; warns of what it shows, or ends the training, as the guards say."""

    def __init__(self, trainer: StepTrainer, guards: Guards) -> None:
        self.trainer, self.guards = trainer, guards
        self.answer_tokens = _answer_tokens(trainer)

    @property
    def findings(self) -> list[Finding]:
        """What the curve has shown so far."""
        return findings(self.trainer.curve, self.guards, self.answer_tokens)

    def summary(self) -> dict[str, Any]:
        """Return what the manifest says of it; nothing where nothing was found."""
        stopped = next((finding for finding in self.findings if finding.stops), None)
        return {
            **({"findings": [finding.told for finding in self.findings]} if self.findings else {}),
            **({"stopped_early": {"step": stopped.step, "reason": stopped.kind}} if stopped else {}),
        }

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kw: Any) -> None:
        """Act on what this step's measurement is the first to show, the same way in every process.

        No checkpoint is kept of the last step of a training ended early: taken up again, it comes here again.
        """
        point = self.trainer.curve[-1]
        new = [one for one in self.findings if one.step == state.global_step] if point.split == "held_out" else []
        for finding in new:
            if state.is_world_process_zero:
                logging.getLogger(__name__).warning(finding.told)
        if point.split == "held_out" and any(_agreed(args, int(any(finding.stops for finding in new)))):
            control.should_training_stop, control.should_save = True, False


def _agreed(args: TrainingArguments, *numbers: int) -> list[int]:
    """Return the largest of each number over all processes, so that all do the same."""
    largest = torch.tensor(numbers, device=args.device)
    if args.world_size > 1:
        torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
    return [int(number) for number in largest.tolist()]


def _answer_tokens(trainer: StepTrainer) -> float:
    """Return over how many tokens `logps/chosen` is summed on average; without a reference model it is a mean."""
    if trainer.held_out is None or not trainer.work.objective.needs_reference:
        return 1.0
    chosen = [example.sequences[0] for example in trainer.held_out.examples]
    return sum(sum(sequence.mask[1:]) for sequence in chosen) / len(chosen)


def log_into(telemetry: Path, trainer: StepTrainer) -> None:
    """Let TensorBoard write beside the telemetry; its own choice, among the checkpoints, does not outlive them."""
    for reporter in trainer.callback_handler.callbacks:
        if getattr(reporter, "logging_dir", "") is None:
            reporter.logging_dir = str(telemetry / "tensorboard")
