"""The memory that `zhiyin explain` foretells, beside the peak of the real training: resident memory on this CPU.

    python bench/memory.py [--case NAME] [--list]

Each case trains two optimiser steps in a process of its own. Measured is the peak of resident memory minus what was
resident just before the model was loaded. It fails when an estimate is more than a fifth away.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

COUNT = "bench"
WITHIN = 0.2
CHARACTERS = [chr(0x4E00 + number) for number in range(400)]
SHARED = {"bos_token_id": 2, "pad_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": True}
GEMMA = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 8, "head_dim": 64, "vocab_size": 256_000}
LLAMA = {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "head_dim": 64, "vocab_size": 32_000}
MODELS: dict[str, dict[str, Any]] = {
    "gemma": {"model_type": "gemma2", **GEMMA, "num_attention_heads": 8, "num_key_value_heads": 4, **SHARED},
    "llama": {"model_type": "llama", **LLAMA, "num_attention_heads": 12, "num_key_value_heads": 4, **SHARED},
}


@dataclass(frozen=True)
class Case:
    """A training: model, objective, method, tokens of a micro-batch."""

    model: str
    objective: str
    adapter: str
    tokens: int

    @property
    def name(self) -> str:
        """As `--case` takes it."""
        return "-".join(map(str, asdict(self).values()))


CASES = [
    *(Case("gemma", "cross_entropy", "lora", tokens) for tokens in (1024, 2048, 4096)),
    *(Case("llama", "cross_entropy", "lora", tokens) for tokens in (1024, 2048, 4096)),
    Case("gemma", "dpo", "lora", 2048),
    Case("llama", "dpo", "lora", 2048),
    Case("gemma", "cross_entropy", "full", 1024),
    Case("llama", "cross_entropy", "full", 1024),
]


def prepare(case: Case, folder: Path) -> None:
    """Write the model with its tokenizer, and records that fill one micro-batch in each of two steps."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
    from zhiyin.execution.runtime import Runtime
    from zhiyin.records.conversation import Conversation, Document, Message
    from zhiyin.records.preference import Preference
    from zhiyin.training import tokenizer

    draw = random.Random(0)

    def text(length: int) -> str:
        return "".join(draw.choices(CHARACTERS, k=length))

    model = folder / "model"
    model.mkdir()
    shape = AutoConfig.for_model(**MODELS[case.model])
    AutoModelForCausalLM.from_config(shape, dtype=torch.float32).save_pretrained(model)
    (folder / "texts").mkdir()
    texts = TextSet.write(folder / "texts", [Document(str(n), text(200), COUNT) for n in range(50)])
    config = tokenizer.Config.model_validate({"vocab_size": 2000, "template": "gemma2"})
    tokenizer.tokenizer(config, out=model, runtime=Runtime(), texts={"texts": texts})
    (folder / "data").mkdir()
    count = 2 * batch_size(case)
    if case.objective == "dpo":
        asked = [(Message("user", text(80)),) for _ in range(count)]
        pairs = [Preference(f"p{n}", asked[n], text(80), text(80), COUNT) for n in range(count)]
        PreferenceSet.write(folder / "data", pairs)
    else:
        turns = [(Message("user", text(120)), Message("assistant", text(120))) for _ in range(count)]
        ConversationSet.write(folder / "data", [Conversation(f"c{n}", turns[n], COUNT) for n in range(count)])


def batch_size(case: Case) -> int:
    """Return the examples of about 260 tokens that one micro-batch holds."""
    return max(1, case.tokens // 262)


def config_of(case: Case) -> Any:
    """Return the config of the training step."""
    from zhiyin.training.train import Config

    fields = {"objective": case.objective, "adapter": case.adapter, "batch_size": batch_size(case)}
    return Config.model_validate({**fields, "max_length": 2048, "learning_rate": 2e-5, "guards": {"probes": 0}})


def measure(case: Case, folder: Path) -> int:
    """Train; return the peak of resident memory in bytes, beyond that before the model was loaded."""
    from zhiyin.artifacts import Checkpoint, ConversationSet, PreferenceSet
    from zhiyin.execution.provenance import _reset_peak_memory, peak_memory
    from zhiyin.execution.runtime import Runtime
    from zhiyin.training.train import train
    from zhiyin.weights import load

    before: list[int] = []
    real = load.load_model

    def loading(*arguments: Any, **options: Any) -> Any:
        if not before:
            _reset_peak_memory()
            before.append(peak_memory())
        return real(*arguments, **options)

    load.load_model = loading
    out = folder / "out"
    out.mkdir()
    data = (PreferenceSet if case.objective == "dpo" else ConversationSet)(folder / "data")
    runtime = Runtime(device="cpu", micro_batch_tokens=case.tokens)
    train(config_of(case), out=out, runtime=runtime, model=Checkpoint(folder / "model"), data=data)
    return peak_memory() - before[0]


def estimate(case: Case, folder: Path) -> int:
    """Return the bytes that `zhiyin explain` would say."""
    from zhiyin.artifacts import ConversationSet, PreferenceSet
    from zhiyin.execution.runtime import Runtime
    from zhiyin.training.forecast import read
    from zhiyin.training.memory import Rehearsal

    config = config_of(case)
    data = (PreferenceSet if case.objective == "dpo" else ConversationSet)(folder / "data")
    runtime = Runtime(device="cpu", micro_batch_tokens=case.tokens)
    found = read(config, data, 2 * batch_size(case), folder / "model", runtime)
    rehearsal = Rehearsal(MODELS[case.model], config.adapter, config.dtype)
    return rehearsal.parts(found.largest, "cpu", accumulates=found.accumulates).total


def apart(verb: str, case: Case, folder: Path) -> int:
    """Run `prepare`, `measure` or `estimate` in a process of its own, and return its number."""
    command = [sys.executable, __file__, "--do", verb, "--case", case.name, "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    return int(json.loads(done.stdout.strip().rpartition("\n")[2]))


def main() -> None:
    """Print a line for each case; end with an error when one is too far off."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--case", choices=[case.name for case in CASES])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--do", choices=["prepare", "measure", "estimate"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    chosen = [case for case in CASES if given.case in (None, case.name)]
    if given.list:
        print("\n".join(case.name for case in CASES))
        return
    if given.do:
        print(
            json.dumps(
                {"prepare": prepare, "measure": measure, "estimate": estimate}[given.do](chosen[0], given.folder) or 0
            )
        )
        return
    print(f"{'case':32}{'estimate':>10}{'measured':>10}{'ratio':>7}   (MiB)")
    worst = 1.0
    for case in chosen:
        folder = Path(tempfile.mkdtemp())
        try:
            apart("prepare", case, folder)
            said, found = apart("estimate", case, folder), apart("measure", case, folder)
        finally:
            shutil.rmtree(folder)
        ratio = said / found
        worst = max(worst, ratio, 1 / ratio)
        print(f"{case.name:32}{said >> 20:10,}{found >> 20:10,}{ratio:7.2f}", flush=True)
    print(f"ratio {worst:.2f}")
    sys.exit(worst > 1 / (1 - WITHIN))


if __name__ == "__main__":
    main()
