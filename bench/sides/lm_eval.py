"""lm-eval's side of an exam: its own task files as they are; only the rows come from the disk in place of the hub."""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.sides import job as jobs
from bench.sides.exam import LETTERS, Exam, Report, rows, run, timed


def side(exam: Exam, report: Report) -> None:
    """Run `simple_evaluate` on the tasks `cmmlu_<subject>`; what is timed is its `evaluate`."""
    import datasets
    import transformers

    evaluator: Any = import_module("lm_eval.evaluator")
    transformers.logging.set_verbosity_error()
    lm = import_module("lm_eval.models.huggingface").HFLM(
        pretrained=exam.model, dtype="float32", device="cpu", batch_size=exam.batch
    )
    asked: dict[str, list[int]] = {}
    for one in exam.asked():
        asked.setdefault(f"cmmlu_{one.subject}", []).append(one.row)
    cmmlu, evaluate = Path(exam.cmmlu), evaluator.evaluate

    def load(path: str, name: str, **rest: Any) -> Any:
        if path != "haonan-li/cmmlu":
            raise ValueError(f"a task asks for {path}, {name}")
        splits = {split: rows(cmmlu / split / f"{name}.csv") for split in ("dev", "test")}
        return datasets.DatasetDict({split: datasets.Dataset.from_list(found) for split, found in splits.items()})

    def evaluate_timed(**arguments: Any) -> Any:
        with timed(report, lm.model):
            return evaluate(**arguments)

    vars(datasets)["load_dataset"] = load
    vars(evaluator)["evaluate"] = evaluate_timed
    found = evaluator.simple_evaluate(
        lm, tasks=list(asked), num_fewshot=exam.shots, samples=asked, bootstrap_iters=0, batch_size=exam.batch
    )
    for task, numbers in asked.items():
        samples = {sample["doc_id"]: sample for sample in found["samples"][task]}
        if sorted(samples) != numbers:
            raise ValueError(f"{task}: asked for the rows {numbers}, answered {sorted(samples)}")
        for number in numbers:
            scores = [float(answer[0]) for answer in samples[number]["filtered_resps"]]
            if len(scores) != len(LETTERS):
                raise ValueError(f"{task}, row {number}: {len(scores)} scores")
            report.scores.append(scores)
            report.chosen.append(scores.index(max(scores)))
    report.flags = f"batch_size={exam.batch} float32 attention={lm.model.config._attn_implementation}"
    report.versions = {**jobs.versions(), "lm-eval": version("lm-eval")}


if __name__ == "__main__":
    run(side)
