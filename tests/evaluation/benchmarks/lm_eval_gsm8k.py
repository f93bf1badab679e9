"""What lm-eval asks and reads on GSM8K: run by its own interpreter, for the peer test."""

import json
import sys
from pathlib import Path

import lm_eval.tasks  # type: ignore[import-not-found]
import yaml  # type: ignore[import-untyped]
from lm_eval.filters.extraction import RegexFilter  # type: ignore[import-not-found]

given = json.load(sys.stdin)
text = (Path(lm_eval.tasks.__file__).parent / "gsm8k" / "gsm8k-cot.yaml").read_text(encoding="utf-8")
task = yaml.safe_load(text.replace("- <|im_end|>", "- '<|im_end|>'"))
shots = [f"Q: {shot['question']}\nA: {shot['target']}" for shot in task["fewshot_config"]["samples"]]
with Path(given["file"]).open(encoding="utf-8") as lines:
    rows = [json.loads(next(lines)) for _ in range(given["count"])]
form = task["doc_to_text"]
prompts = ["\n\n".join([*shots, form.replace("{{question}}", row["question"])]) for row in rows]
filters = [{k: v for k, v in one["filter"][0].items() if k != "function"} for one in task["filter_list"]]
strict, flexible = (RegexFilter(**one).apply([given["texts"]], [{}])[0] for one in filters)
sys.stdout.write(json.dumps({"prompts": prompts, "strict": strict, "flexible": flexible}))
