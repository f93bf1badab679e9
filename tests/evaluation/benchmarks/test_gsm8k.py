"""GSM8K under both protocols: prompts, readings and lengths by hand, and against lm-eval's own code."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.evaluation.desk import Desk, make_benchmark

from zhiyin.evaluation import zero_eval
from zhiyin.evaluation.benchmarks import Benchmark
from zhiyin.records.prompt import Completion
from zhiyin.records.score import Mark

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "gsm8k" / "test.jsonl"
ROOT = Path(__file__).resolve().parents[3]
HARNESS = ROOT / ".venv-bench" / "lm-eval" / "bin" / "python"
ROWS = [
    {"question": "How many eggs?", "answer": "16-3=13\n#### 13"},
    {"question": "How much money?", "answer": "lots\n#### 1,234"},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def gsm8k(file: Path, protocol: str, **more: object) -> Benchmark:
    return make_benchmark({"name": "gsm8k", "file": str(file), "protocol": protocol, **more})


def marked(benchmark: Benchmark, texts: Sequence[str], stopped: str = "stop") -> list[dict[str, Mark]]:
    prompts = list(benchmark.prompts(None))
    return [
        {mark.measure: mark for mark in benchmark.marks(prompt, Completion(prompt.id, text=text, stopped=stopped))}  # type: ignore[arg-type]
        for prompt, text in zip(prompts, texts, strict=True)
    ]


@pytest.mark.parametrize("protocol", ["zeroeval", "harness_cot"])
def test_a_prompt_says_what_its_question_is(file: Path, protocol: str) -> None:
    prompts = gsm8k(file, protocol).prompts(None)
    assert [prompt.meta for prompt in prompts] == [{"question": row["question"]} for row in ROWS]


def test_zeroeval_asks_a_turn_and_reads_json(file: Path) -> None:
    benchmark = gsm8k(file, "zeroeval")
    first, second = benchmark.prompts(None)
    assert first.messages[0].content == zero_eval.asked("How many eggs?")
    assert (first.id, first.reference, second.reference, first.text) == ("gsm8k/0", "13", "1234", None)
    right, wrong = marked(benchmark, ['{"reasoning": "16-3", "answer": "13.0 eggs"}', '{"answer": "$1,235"}'])
    assert (right["accuracy"].value, right["accuracy"].extracted) == (1.0, "13.0 eggs")
    assert (right["reasoning_characters"].value, right["characters"].value, right["stopped"].value) == (4, 44, 1)
    assert (wrong["accuracy"].value, wrong["reasoning_characters"].value) == (0.0, 0.0)
    (silent, cut) = marked(benchmark, ["no idea", '{"reasoning": "abc", "answer": "1,234"'], stopped="length")
    assert (silent["accuracy"].value, silent["accuracy"].extracted) == (0.0, None)
    assert "reasoning_characters" not in silent
    assert (cut["accuracy"].value, cut["reasoning_characters"].value, cut["stopped"].value) == (1.0, 3.0, 0.0)


def test_the_harness_asks_after_eight_examples(file: Path) -> None:
    benchmark = gsm8k(file, "harness_cot")
    prompt = next(benchmark.prompts(None))
    assert prompt.text is not None
    assert prompt.text.startswith("Q: There are 15 trees in the grove. ")
    assert prompt.text.endswith("The answer is 8.\n\nQ: How many eggs?\nA:")
    assert (prompt.text.count("Q: "), prompt.text.count("\nA: "), prompt.add_bos) == (9, 8, None)


@pytest.mark.parametrize(
    ("text", "strict", "flexible", "characters"),
    [
        (" 16 - 3 = 13. The answer is 13.\n\nQ: And 5?", (1.0, "13"), (1.0, "13."), 33),
        ("The answer is $13.", (0.0, None), (1.0, "$13."), 18),
        ("13 eggs, not 20", (0.0, None), (0.0, "20"), 15),
        ("The answer is 13 eggs. The answer is 5.", (1.0, "13"), (0.0, "5."), 39),
        ("none", (0.0, None), (0.0, None), 4),
    ],
)
def test_strict_and_flexible_readings(
    file: Path, text: str, strict: tuple[float, str], flexible: tuple[float, str], characters: int
) -> None:
    found, _ = marked(gsm8k(file, "harness_cot"), [text, ""], stopped="length")
    assert (found["accuracy"].value, found["accuracy"].extracted) == strict
    assert (found["flexible_accuracy"].value, found["flexible_accuracy"].extracted) == flexible
    assert found["characters"].value == characters
    assert found["stopped"].value == float("Q:" in text)


def test_a_length_over_the_readable_answers_alone_is_scored(desk: Desk, file: Path) -> None:
    prompts = desk.prepared({"name": "gsm8k", "file": str(file), "protocol": "zeroeval"})
    measures = desk.run(desk.scored(prompts, "half_reasoned")).overview.measures
    assert (measures["accuracy"].count, measures["accuracy"].unanswered, measures["accuracy"].mean) == (2, 1, 0.5)
    assert (measures["reasoning_characters"].count, measures["reasoning_characters"].mean) == (1, 4)


@pytest.mark.parametrize("row", [{"question": "q", "answer": "13"}, {"question": "q", "answer": "#### many"}])
def test_a_row_without_its_number_is_named(tmp_path: Path, row: dict[str, str]) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.jsonl:2: the answer does not end in `#### number`"):
        list(gsm8k(file, "zeroeval").prompts(None))


def test_the_limit_takes_the_first(file: Path) -> None:
    assert [prompt.id for prompt in gsm8k(file, "zeroeval", limit=1).prompts(None)] == ["gsm8k/0"]


@pytest.mark.skipif(not REAL.is_file(), reason="needs shared/data")
def test_every_real_question_has_its_number() -> None:
    prompts = list(gsm8k(REAL, "zeroeval").prompts(None))
    assert len(prompts) == 1319
    assert all(zero_eval.number(prompt.reference) is not None for prompt in prompts)


@pytest.mark.peer
@pytest.mark.skipif(not (REAL.is_file() and HARNESS.exists()), reason="needs shared/data and make bench-env")
def test_prompts_and_readings_are_those_of_lm_eval() -> None:
    texts = [" 16. The answer is 18.", "$9 and 18", "It is 5,000.", "nothing", "The answer is 1,234.5!", "= 18.\nThe"]
    script = Path(__file__).with_name("lm_eval_gsm8k.py")
    asked = json.dumps({"file": str(REAL), "texts": texts, "count": 3})
    done = subprocess.run([HARNESS, script], input=asked, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    benchmark = gsm8k(REAL, "harness_cot", limit=3)
    prompts = list(benchmark.prompts(None))
    assert [prompt.text for prompt in prompts] == theirs["prompts"]
    for text, strict, flexible in zip(texts, theirs["strict"], theirs["flexible"], strict=True):
        marks = {mark.measure: mark for mark in benchmark.marks(prompts[0], Completion("x", text=text))}
        assert (marks["accuracy"].extracted or "[invalid]") == strict
        assert (marks["flexible_accuracy"].extracted or "[invalid]") == flexible
