"""AlpacaEval's judge: its prompt byte for byte, and preferences against those that the original read."""

import json
import math
from pathlib import Path

import pytest

from zhiyin.evaluation.alpaca_eval import Annotation
from zhiyin.evaluation.alpaca_judge import annotation, judge_prompt, model_first, pair_marks, preference
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

REAL = Path(__file__).parents[3] / "shared" / "data" / "alpaca_eval"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real AlpacaEval in ../shared/data/alpaca_eval")

ASKED = Prompt(
    "koala/3",
    messages=(Message("user", "{output_1} 是什么？"),),
    reference="基线的回答",
    group="koala",
    meta={"index": 3, "baseline": "base"},
)
SEED = next(seed for seed in range(99) if not model_first("koala/3", seed))


def test_the_prompt_byte_for_byte() -> None:
    """Braces in a question are no placeholders."""
    prompt = judge_prompt(ASKED, "模型的回答", SEED)
    assert [one.role for one in prompt.messages] == ["system", "user"]
    assert prompt.messages[0].content.startswith("You are a highly efficient assistant, who evaluates and selects the")
    opening, rest = prompt.messages[1].content.split("\n\n## Instruction\n\n")
    assert opening.startswith("I require a leaderboard for various large language models. I'll provide you with")
    instruction, rest = rest.split("\n\n## Model Outputs\n\n")
    assert instruction == '{\n    "instruction": """{output_1} 是什么？""",\n}'
    outputs, task = rest.split("\n\n## Task\n\n")
    assert outputs.split("\n\n")[1] == (
        '{\n    {\n        "model_identifier": "m",\n        "output": """基线的回答"""\n    },\n'
        '    {\n        "model_identifier": "M",\n        "output": """模型的回答"""\n    }\n}'
    )
    assert task.endswith("(no quotes, no spaces, no new lines, ...): m or M.\n\n## Best Model Identifier")
    assert (prompt.id, prompt.choices, prompt.group) == ("koala/3", ("m", "M"), "koala")


def test_the_coin_falls_both_ways_and_is_remembered() -> None:
    falls = [model_first(f"koala/{number}", 0) for number in range(805)]
    assert 350 < sum(falls) < 455
    assert falls == [model_first(f"koala/{number}", 0) for number in range(805)]
    assert falls != [model_first(f"koala/{number}", 1) for number in range(805)]
    other = next(seed for seed in range(99) if model_first("koala/3", seed))
    text = judge_prompt(ASKED, "模型的回答", other).messages[1].content
    assert text.index("模型的回答") < text.index("基线的回答")


def test_a_preference_is_the_share_of_the_models_token() -> None:
    logprobs = (math.log(0.2), math.log(0.6))
    assert preference(logprobs, first=True) == pytest.approx(1.25)
    assert preference(logprobs, first=False) == pytest.approx(1.75)
    assert preference((-1000.0, -1001.0), first=True) == pytest.approx(1 + 1 / (1 + math.exp(-1)))
    assert preference((-math.inf, -0.1), first=True) == 1.0
    assert preference((-math.inf, -math.inf), first=True) is None
    assert preference((math.nan, -0.1), first=True) is None
    assert preference((), first=True) is None


def test_a_judges_answer_becomes_a_record_and_a_mark() -> None:
    judged = Completion("koala/3", choice_logprobs=(math.log(0.2), math.log(0.6)))
    found = annotation(ASKED, "模型的回答", judged, "mine", SEED)
    assert found == Annotation(
        instruction="{output_1} 是什么？",
        output_1="基线的回答",
        generator_1="base",
        output_2="模型的回答",
        generator_2="mine",
        dataset="koala",
        annotator="weighted_alpaca_eval",
        preference=found.preference,
        raw_completion=found.raw_completion,
    )
    assert found.preference == pytest.approx(1.75)
    (mark,) = pair_marks(ASKED, found)
    assert (mark.prompt_id, mark.measure, mark.group, mark.extracted) == ("koala/3", "win_rate", "koala", "1.75")
    assert mark.value == pytest.approx(0.75)
    assert pair_marks(ASKED, annotation(ASKED, "答", Completion("koala/3"), "mine", SEED)) == []


@real
def test_preferences_are_those_the_original_read_from_the_same_probabilities() -> None:
    """805 real completions of the judge. Which answer stood first is not recorded, so each must fit one of the two."""
    file = REAL / "results" / "gemma-7b-it" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    first = 0
    for row in rows:
        top = {one["token"]: one["logprob"] for one in row["raw_completion"]["logprobs"]["content"][0]["top_logprobs"]}
        logprobs = (top.get("m", -math.inf), top.get("M", -math.inf))
        ahead, behind = preference(logprobs, first=True), preference(logprobs, first=False)
        assert ahead is not None
        assert behind is not None
        assert min(abs(ahead - row["preference"]), abs(behind - row["preference"])) < 1e-9
        first += abs(ahead - row["preference"]) < abs(behind - row["preference"])
    assert len(rows) == 805
    assert 350 < first < 455
