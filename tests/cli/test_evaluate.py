"""`zhiyin evaluate`: what is refused before anything is loaded. Whole evaluations run in `tests/e2e`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.house import build

Call = Callable[..., Any]


@pytest.fixture
def trained(here: Path, zhiyin: Call) -> Path:
    zhiyin("run", "little.yaml")
    row = {"question": "1 + 1?", "answer": "#### 2"}
    (here / "problems.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (here / "foreign").mkdir()
    (here / "foreign" / "config.json").write_text("{}", encoding="utf-8")
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
        (["foreign", "--benchmarks", ASKED, "--template", "gema2"], "template: no Template is called 'gema2' (did you"),
        (["o/m@main", "--benchmarks", ASKED], "no artifact, link or folder is called 'o/m@main'"),
        (["base", "--benchmarks", ASKED, "--budget", "gsm8k"], "expected LABEL=CHANGE with a label of gsm8k"),
    ],
)
def test_what_cannot_be_asked_is_refused(trained: Path, zhiyin: Call, words: list[str], said: str) -> None:
    ended = zhiyin("evaluate", *words)
    assert ended.exit_code == 2, ended.output
    assert said in ended.output


@pytest.mark.parametrize("words", [(), ("--template", "gemma2")])
def test_a_model_from_elsewhere_is_compared_with_one_of_the_store(
    here: Path, zhiyin: Call, words: tuple[str, ...]
) -> None:
    house = build(here / "store")
    own = house.make(house.gemma).path
    shutil.copytree(own, here / "copy", ignore=shutil.ignore_patterns("manifest.json", "template.json"))
    row = {"question": "1 + 1?", "answer": "#### 2"}
    (here / "problems.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    asked = (str(own), "copy", "--benchmarks", ASKED, "--max-new-tokens", "4", "--device", "cpu", *words)
    ended = zhiyin("evaluate", *asked)
    assert ended.exit_code == 0, ended.output
    assert "copy_answers" in ended.output
    (fetched,) = here.glob("store/fetch-*")
    assert [file.name for file in fetched.iterdir() if file.is_symlink()] == ["model.safetensors"]
    said = [file.read_text(encoding="utf-8") for file in here.glob("store/answer-*/gsm8k.jsonl")]
    assert len(said) == 2
    assert len(set(said)) == 1, "the same weights say the same"
    assert zhiyin("evaluate", *asked).output.count("Nothing to make") == 3
