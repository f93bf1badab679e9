"""What one side of a comparison is asked to do and what it reports: read and written in every side's own environment.

Only the standard library is imported on top, so that the memory before a model is loaded is the side's own.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RANK, ALPHA = 8, 16
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LEARNING_RATE, MAX_LENGTH = 1e-3, 1024
DPO_BETA, SIMPO_BETA, SIMPO_GAMMA = 0.1, 2.0, 0.5


@dataclass(frozen=True)
class Job:
    """One training, the same for every side."""

    side: str
    """`ours`, `trl`, `trl-strongest` or `llamafactory`."""
    task: str
    """`sft`, `dpo` or `simpo`."""
    model: str
    """Folder of a checkpoint with its tokenizer."""
    shape: str
    """Its name among `texts.SHAPES`."""
    data: str
    """JSON lines of `Row`."""
    batch: int
    """Examples, or pairs, in one optimiser step."""
    steps: int
    """Optimiser steps; the first is not timed."""
    threads: int = 1
    micro_batch_tokens: int = 512
    """Ours: tokens in one forward pass, at most. On a CPU more take more memory and save no time."""
    head: str = "streamed"
    """Ours: `streamed` over the vocabulary; or the logits of the `labels`, or of `all` places, are held."""
    packed: bool = True
    """Ours: examples end to end in one row."""
    share: bool = True
    """Ours: a beginning that sequences have in common is computed once."""

    def rows(self) -> list["Row"]:
        """Read the examples of all steps, in order."""
        with Path(self.data).open(encoding="utf-8") as lines:
            rows = [Row(**json.loads(line)) for line in lines]
        if len(rows) < self.batch * self.steps:
            raise ValueError(f"{self.data} holds {len(rows)} examples; {self.batch * self.steps} are needed")
        return rows[: self.batch * self.steps]


@dataclass(frozen=True)
class Row:
    """One example as token ids: a prompt with one answer, or with the chosen and the rejected one."""

    id: str
    prompt: list[int]
    answers: list[list[int]]


@dataclass
class Report:
    """What a side says of its training. Seconds are of the steps after the first; bytes are peaks of the process."""

    flags: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    supervised: int = 0
    """Supervised tokens of all steps, counted in the batches that the side itself made."""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    reference_seconds: float = 0.0
    """Ours: processor seconds of the reference model's pass over the timed pairs, not in `cpu_seconds`."""
    bytes_before: int = 0
    """After the imports, before the model is loaded."""
    bytes_peak: int = 0


def peak_bytes() -> int:
    """Return the peak resident memory of this process. (`ru_maxrss` would begin with that of the process before it.)"""
    line = next(line for line in Path("/proc/self/status").read_text().split("\n") if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def run(side: Callable[[Job, Report], None]) -> None:
    """Read the job named on the command line, let the side do it, and write its report beside the job."""
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    where = Path(sys.argv[1])
    job = Job(**json.loads(where.read_text(encoding="utf-8")))
    import torch

    torch.set_num_threads(job.threads)
    report = Report()
    side(job, report)
    report.bytes_peak = peak_bytes()
    where.with_suffix(".report").write_text(json.dumps(asdict(report)), encoding="utf-8")


def clock(report: Report) -> Any:
    """Return a callback that notes losses and gradient norms, and times the steps after the first."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        began = (0.0, 0.0)

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            now = (time.process_time(), time.perf_counter())
            if state.global_step == 1:
                self.began = now
            report.cpu_seconds, report.wall_seconds = (b - a for a, b in zip(self.began, now, strict=True))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if logs and "loss" in logs:
                report.losses.append(float(logs["loss"]))
                report.grad_norms.append(float(logs["grad_norm"]))

    return Clock()


def counting(collator: Callable[[Any], Any], count: Callable[[Any], int], report: Report) -> Callable[[Any], Any]:
    """Return the collator, adding the supervised tokens of each batch it makes to the report."""

    def collate(examples: Any) -> Any:
        batch = collator(examples)
        report.supervised += count(batch)
        return batch

    return collate


def fix_adapter(model: Any) -> None:
    """Give the adapter the same first weights on every side: A drawn in the order of the names, B zero."""
    import torch

    generator = torch.Generator().manual_seed(1)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_A" in name:
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
        elif "lora_B" in name:
            parameter.data.zero_()


def versions(*names: str) -> dict[str, str]:
    """Return the versions of installed packages."""
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "peft", "accelerate", *names)}
