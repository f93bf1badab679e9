"""Supervised fine-tuning with LoRA: our step beside the stock Trainer's, on the same examples in the same order.

Both train a Gemma-2-shaped model (vocabulary 8,192, the head's share of the work as in the 9B) in float32 on one
thread, eight conversations a step. The stock Trainer pads them into one batch and computes all logits; ours cuts the
step into micro-batches of like length and computes the supervised places only. Losses are printed to show that the
work is the same. Turns alternate in one process; the first step of each turn is not timed.

    .venv/bin/python bench/training_step.py
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import Gemma2Config, Gemma2ForCausalLM, Trainer, TrainingArguments, set_seed
from transformers.utils.logging import disable_progress_bar

from zhiyin.chat.encode import Encoded
from zhiyin.execution.catalog import make
from zhiyin.execution.provenance import peak_memory
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective
from zhiyin.training.trainer import StepTrainer, Work

STEPS, BATCH, TURNS, MICRO_BATCH_TOKENS = 4, 8, 3, 512


def examples() -> list[Example]:
    """Return conversations with the lengths of Alpaca-like Chinese data: prompts near 28 tokens, answers near 144."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for number in range(STEPS * BATCH):
        prompt, answer = (int(torch.randint(low, high, (), generator=generator)) for low, high in ((12, 44), (20, 268)))
        ids = torch.randint(8, 8192, (prompt + answer,), generator=generator).tolist()
        found.append(Example(str(number), (Encoded(ids, [False] * prompt + [True] * answer),)))
    return found


def model() -> nn.Module:
    """Return the model with LoRA on every linear layer, the same weights every time."""
    config = Gemma2Config(
        vocab_size=8192,
        hidden_size=512,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=128,
        query_pre_attn_scalar=128,
    )
    config._attn_implementation = "eager"
    set_seed(0)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped: nn.Module = get_peft_model(Gemma2ForCausalLM(config), lora)
    return wrapped


def arguments(folder: str, **changes: Any) -> TrainingArguments:
    """Return the settings both share."""
    shared: dict[str, Any] = {
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch",
        "max_steps": STEPS,
        "use_cpu": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
    }
    return TrainingArguments(output_dir=folder, **{**shared, **changes})


class Timed:
    """Processor seconds after the first step, and the loss of every step."""

    def __init__(self) -> None:
        self.began = 0.0
        self.losses: list[float] = []

    def log(self, logs: dict[str, float]) -> None:
        """Note one step; the clock starts after the first."""
        if "grad_norm" in logs:
            self.losses.append(logs["loss"])
            self.began = self.began or time.process_time()


def ours(data: list[Example], folder: str) -> tuple[float, list[float]]:
    """Return processor seconds and losses of our step."""
    steps = [list(range(start, start + BATCH)) for start in range(0, len(data), BATCH)]
    work = Work(make(Objective, "cross_entropy"), data, {}, pad_id=0, micro_batch_tokens=MICRO_BATCH_TOKENS)
    timed = Timed()

    class Ours(StepTrainer):
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            timed.log(logs)

    Ours(model(), arguments(folder, per_device_train_batch_size=1), work, steps, None).train()
    return time.process_time() - timed.began, timed.losses


def stock(data: list[Example], folder: str) -> tuple[float, list[float]]:
    """Return processor seconds and losses of the stock Trainer."""
    timed = Timed()

    class Stock(Trainer):
        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            timed.log(logs)

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return torch.utils.data.SequentialSampler(data)

    settings = arguments(folder, per_device_train_batch_size=BATCH)
    Stock(model=model(), args=settings, train_dataset=data, data_collator=padded).train()
    return time.process_time() - timed.began, timed.losses


def padded(batch: list[Example]) -> dict[str, torch.Tensor]:
    """Pad one batch as usual: labels are -100 where nothing is learnt."""
    length = max(len(example.sequences[0].ids) for example in batch)
    ids, labels, mask = (torch.full((len(batch), length), value) for value in (0, -100, 0))
    for row, example in enumerate(batch):
        (one,) = example.sequences
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        mask[row, : len(one.ids)] = 1
        pairs = zip(one.ids, one.mask, strict=True)
        labels[row, : len(one.ids)] = torch.tensor([id if scored else -100 for id, scored in pairs])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main() -> None:
    """Alternate the two, and print the ratio last."""
    disable_progress_bar()
    torch.set_num_threads(1)
    data = examples()
    seconds: dict[str, list[float]] = {"ours": [], "stock": []}
    losses: dict[str, list[float]] = {}
    memory: dict[str, list[int]] = {"ours": [], "stock": []}
    sides: dict[str, Callable[[list[Example], str], tuple[float, list[float]]]] = {"ours": ours, "stock": stock}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            for name, side in sides.items():
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
                spent, losses[name] = side(data, folder)
                seconds[name].append(spent)
                memory[name].append(peak_memory())
                print(
                    f"turn {turn + 1}: {name:5} {spent:6.2f} processor seconds, peak {memory[name][-1] / 2**30:.2f} GiB"
                )
    difference = max(abs(one - other) for one, other in zip(losses["ours"], losses["stock"], strict=True))
    print(f"losses of the last turn: {losses['ours']}; largest difference {difference:.1e}")
    print(f"peak memory, stock / ours: {min(memory['stock']) / min(memory['ours']):.2f}")
    print(f"processor time, stock / ours: {min(seconds['stock']) / min(seconds['ours']):.2f}")


if __name__ == "__main__":
    main()
