"""LLaMA-Factory's side of tokenising: its own loader, converter and packing, on an Alpaca file.

It imports torchaudio for models that hear; that of the index is built for CUDA, so an empty module stands in for it.
"""

import importlib.machinery
import sys
import types
from typing import Any

from bench.sides import data_work
from bench.sides.data_tokens import MAX_LENGTH, apart, digest
from bench.sides.data_work import Report, Work


def side(work: Work, report: Report) -> None:
    """Call `get_dataset`, as its trainer does."""
    stub = types.ModuleType("torchaudio")
    stub.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = stub
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    flags: dict[str, Any] = {
        "template": "llama3",
        "cutoff_len": MAX_LENGTH,
        "packing": True,
        "preprocessing_num_workers": work.workers if work.workers > 1 else None,
    }
    report.flags = " ".join(f"{name}={value}" for name, value in flags.items())
    report.versions = data_work.versions("llamafactory", "datasets", "transformers", "tokenizers")
    model, data, training, _, _ = get_train_args(
        {
            "stage": "sft",
            "do_train": True,
            "model_name_or_path": work.prompts,
            "dataset": "rows",
            "dataset_dir": work.corpus,
            "output_dir": work.out,
            "overwrite_cache": True,
            "use_cpu": True,
            "report_to": "none",
            **flags,
        }
    )
    with report.stage("tokenise"):
        loaded = load_tokenizer(model)
        template = get_template_and_fix_tokenizer(loaded["tokenizer"], data)
        found = get_dataset(template, model, data, training, stage="sft", **loaded)["train_dataset"]
    rows = [_unpadded(row["input_ids"], row["labels"], loaded["tokenizer"].pad_token_id) for row in found]
    examples = list(apart(rows, loaded["tokenizer"].bos_token_id))
    report.rows = {
        "examples": len(examples),
        "packed": len(rows),
        "tokens": sum(len(ids) for ids, _ in rows),
        "supervised": sum(label >= 0 for _, labels in examples for label in labels[1:]),
    }
    report.same = digest([label for label in labels if label >= 0] for _, labels in examples)


def _unpadded(ids: list[int], labels: list[int], pad: int) -> tuple[list[int], list[int]]:
    """Return a row without what it was filled up with."""
    length = len(ids)
    while length and ids[length - 1] == pad:
        length -= 1
    return ids[:length], labels[:length]


if __name__ == "__main__":
    data_work.run(side)
