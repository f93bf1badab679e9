"""Run by lm-eval's own interpreter: the requests that its own task files make of the exams' CSV files.

`python lm_eval_requests.py JOB.json`: the job names the tasks with their files, and the output file. Only the rows are
put in place of the hub's; a chat template that writes its turns as JSON stands in for a model's.
"""

import csv
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets

COLUMNS = ("question", "A", "B", "C", "D", "answer")


def rows(job: dict[str, Any], task: dict[str, Any], split: str) -> datasets.Dataset:
    """Read one file into the form that the task's data set has on the hub."""
    with Path(task["files"][split]).open(encoding="utf-8-sig", newline="") as lines:
        if task["exam"] == "mmlu":
            found = [
                {"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5])} for row in csv.reader(lines)
            ]
        else:
            found = [dict(row) for row in csv.DictReader(lines)]
    return datasets.Dataset.from_list(found[: job["questions"]] if split != "dev" else found)


def turns(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    """Write the turns as JSON."""
    return json.dumps([[message["role"], message["content"]] for message in messages])


def main() -> None:
    """Build the requests of every task, with as many shots as the job says, raw and as chat."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tasks: Any = import_module("lm_eval.tasks")
    manager = tasks.TaskManager()
    found: dict[str, Any] = {}
    for name, task in job["tasks"].items():

        def load(task: dict[str, Any] = task, **_: Any) -> datasets.DatasetDict:
            return datasets.DatasetDict({split: rows(job, task, split) for split in task["files"]})

        vars(datasets)["load_dataset"] = load
        for shots in job["shots"]:
            for chat in (False, True):
                made = tasks.get_task_dict([name], manager)[name]
                made.set_config(key="num_fewshot", value=shots)
                made.build_all_requests(
                    apply_chat_template=chat,
                    fewshot_as_multiturn=chat,
                    chat_template=turns if chat else None,
                    tokenizer_name="none",
                )
                key = f"{name}-{shots}-{'chat' if chat else 'raw'}"
                found[key] = [[one.doc_id, *one.args] for one in made.instances]
    Path(job["out"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
