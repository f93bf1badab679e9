"""What happens around a training step without being part of it: the clock, and the training method's own acts."""

import time
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from zhiyin.execution.progress import report
from zhiyin.training.trainer import StepTrainer


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
