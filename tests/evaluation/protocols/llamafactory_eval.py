"""Run by LLaMA-Factory's own interpreter: the token ids that its `Evaluator` feeds to a model, question by question.

`python llamafactory_eval.py JOB.json`: the job names the cases and the output file. The evaluator's own code makes
everything: seed, tokenizer, template, draw of shots, prompts, ids of the letters. Only three of its doors are replaced:
the model (none is needed), the file of categories, and `load_dataset`, as datasets 4 refuses its dataset scripts; here
the same CSV files are read with pandas, as the scripts do.
"""

import json
import os
import sys
import tempfile
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from datasets import Dataset, DatasetDict

FILES = {
    "cmmlu": "{split}/{subject}.csv",
    "ceval": "{split}/{subject}_{split}.csv",
    "mmlu": "{split}/{subject}_{split}.csv",
}
NAMES = ("question", "A", "B", "C", "D", "answer")


def rows(case: dict[str, Any], split: str, subject: str) -> Dataset:
    """Read a file as the tool's script for that exam reads it; every cell becomes a string."""
    pd: Any = import_module("pandas")
    file = Path(case["folder"]) / FILES[case["exam"]].format(split=split, subject=subject)
    if case["exam"] == "cmmlu":
        frame = pd.read_csv(file, header=0, index_col=0, encoding="utf-8").rename(
            columns={"Question": "question", "Answer": "answer"}
        )
    elif case["exam"] == "ceval":
        frame = pd.read_csv(file, encoding="utf-8")
    else:
        frame = pd.read_csv(file, header=None)
        frame.columns = list(NAMES)
    return Dataset.from_list([{name: str(row[name]) for name in NAMES} for row in frame.to_dict(orient="records")])


def ids(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the ids of every question by subject, and those of the letters."""
    evaluator = import_module("llamafactory.eval.evaluator")
    mapping = folder / "mapping.json"
    names = {subject: {"name": name, "category": "Other"} for subject, name in case["subjects"]}
    mapping.write_text(json.dumps(names), encoding="utf-8")
    split = case["split"]
    task = f"{case['exam']}_{'validation' if split == 'val' else split}"
    fed: dict[str, list[list[int]]] = {}
    subject = ""

    def read(*, name: str, **_: Any) -> DatasetDict:
        nonlocal subject
        subject = name
        fed[subject] = []
        return DatasetDict({"train": rows(case, "dev", name), task.split("_")[1]: rows(case, split, name)})

    def infer(batch: Any) -> list[str]:
        for one, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            fed[subject].append(one[: int(mask.sum())].tolist())
        return ["A"] * len(batch["input_ids"])

    replaced = {
        "load_model": lambda *_: SimpleNamespace(device="cpu"),
        "cached_file": lambda **_: str(mapping),
        "load_dataset": read,
    }
    for name, stand_in in replaced.items():
        setattr(evaluator, name, stand_in)
    settings = {"model_name_or_path": case["tokenizer"], "template": case["template"], "task": task}
    one = evaluator.Evaluator({**settings, "lang": case["lang"], "n_shot": case["shots"]})
    one.batch_inference = infer
    one.eval()
    return {"ids": fed, "letters": one.choice_inputs}


def main() -> None:
    """Run every case of the job."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    # It is imported for models that hear, and is not installed.
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        found = {name: ids(case, Path(folder)) for name, case in job["cases"].items()}
    Path(job["out"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
