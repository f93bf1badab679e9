"""AlpacaEval's prompts, and what is marked before a judge has spoken."""

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.evaluation.alpaca_eval import Output, write_records
from zhiyin.evaluation.benchmarks.alpaca_eval import AlpacaEval
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

REAL = Path(__file__).parents[4] / "shared" / "data" / "alpaca_eval"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real AlpacaEval in ../shared/data/alpaca_eval")


def alpaca_eval(file: Path, **settings: Any) -> AlpacaEval:
    found = make_benchmark({"name": "alpaca_eval", "file": str(file), **settings})
    assert isinstance(found, AlpacaEval)
    return found


def test_prompts_carry_the_baselines_answer_and_the_instructions_number(tmp_path: Path) -> None:
    rows = [
        Output("问题一", "基线一", "base", "koala"),
        Output("问题二", "基线二", "base"),
        Output("三", "", "base", "oasst"),
    ]
    write_records(tmp_path / "outputs.json", rows)
    first, second, third = alpaca_eval(tmp_path / "outputs.json").prompts(None)
    assert first == Prompt(
        "koala/0",
        messages=(Message("user", "问题一"),),
        reference="基线一",
        group="koala",
        meta={"index": 0, "baseline": "base"},
    )
    assert (second.id, second.group, third.id, third.meta["index"]) == ("instructions/1", "instructions", "oasst/2", 2)
    assert [one.id for one in alpaca_eval(tmp_path / "outputs.json", limit=1).prompts(None)] == ["koala/0"]


def test_length_and_end_are_marked(tmp_path: Path) -> None:
    write_records(tmp_path / "outputs.json", [Output("问", "基线", "base", "koala")])
    benchmark = alpaca_eval(tmp_path / "outputs.json")
    (prompt,) = benchmark.prompts(None)
    length, stopped = benchmark.marks(prompt, Completion(prompt.id, text="四个字吗", stopped="length"))
    assert (length.measure, length.value, length.extracted) == ("characters", 4.0, "四个字吗")
    assert (stopped.measure, stopped.value, stopped.extracted) == ("stopped", 0.0, "length")
    length, stopped = benchmark.marks(prompt, Completion(prompt.id, text=" \n", stopped="stop"))
    assert (length.value, length.extracted, stopped.value) == (2.0, None, 1.0)
    with pytest.raises(ValueError, match="prompt koala/0: no answer was generated; answer it again"):
        list(benchmark.marks(prompt, Completion(prompt.id)))


@real
def test_the_real_benchmark_is_whole() -> None:
    prompts = list(alpaca_eval(REAL / "results" / "gpt4_1106_preview" / "model_outputs.json").prompts(None))
    assert len(prompts) == 805
    assert {one.meta["baseline"] for one in prompts} == {"gpt4_1106_preview"}
    groups = {name: sum(one.group == name for one in prompts) for name in sorted({one.group for one in prompts})}
    assert groups == {"helpful_base": 129, "koala": 156, "oasst": 188, "selfinstruct": 252, "vicuna": 80}
    assert sum(len(one.reference) for one in prompts) // 805 == 2049
