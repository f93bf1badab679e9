"""`zhiyin evaluate`: what is refused before anything is loaded. Whole evaluations run in `tests/e2e`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def trained(here: Path, zhiyin: Call) -> Path:
    zhiyin("run", "little.yaml")
    row = {"question": "1 + 1?", "answer": "#### 2"}
    (here / "problems.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return here


ASKED = "gsm8k file=problems.jsonl"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bass", "--benchmarks", ASKED], "no artifact, link or folder is called 'bass' (did you mean 'base'?)"),
        (["texts", "--benchmarks", ASKED], "texts is no model"),
        (["base", "--benchmarks", "gsm8"], "--benchmarks gsm8: no Benchmark is called 'gsm8' (did you mean 'gsm8k'?)"),
        (["base", "--benchmarks", f"{ASKED} limit=0"], "limit: Input should be greater than or equal to 1"),
        (["base", "--benchmarks", ASKED, "--benchmarks", ASKED], "two benchmarks are called 'gsm8k'"),
        (["base", "--benchmarks", "perplexity"], "perplexity asks about records"),
        (["base", "--benchmarks", ASKED, "--budget", "mmlu=-2pt"], "--budget mmlu=-2pt: expected LABEL=CHANGE"),
        (["base", "--benchmarks", ASKED, "--budget", "gsm8k"], "expected LABEL=CHANGE with a label of gsm8k"),
    ],
)
def test_what_cannot_be_asked_is_refused(trained: Path, zhiyin: Call, words: list[str], said: str) -> None:
    ended = zhiyin("evaluate", *words)
    assert ended.exit_code == 2, ended.output
    assert said in ended.output
