"""From prompts, answers and a judge's words to win rates, through the real runner: both benchmarks, both ways in."""

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.evaluation.desk import Desk, chance, make_benchmark, subject_files

from zhiyin.artifacts import CompletionSet, PromptSet, ScoreSet
from zhiyin.evaluation import gate, win_rate, win_rate_prompts
from zhiyin.evaluation.alpaca_eval import Annotation, Output, read_annotations, read_outputs, write_records
from zhiyin.evaluation.arena_hard import Answer, Game, Judgment, Question, read_answers, read_judgments, write
from zhiyin.evaluation.win_rate_alpaca import alpaca
from zhiyin.evaluation.win_rate_pairs import Words
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.jsonl import Rejected
from zhiyin.records.prompt import Completion, Prompt

REAL = Path(__file__).parents[3] / "shared" / "data" / "alpaca_eval"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real AlpacaEval in ../shared/data/alpaca_eval")


class Rule(StepConfig):
    """How a stand-in writes."""

    rule: str
    """A name in `RULES`."""


def share_of(key: str) -> float:
    return round(chance(key), 3)


def preferring(prompt: Prompt) -> Completion:
    """Prefer the better answer, which says 好, however it stands; a pair called 7 gets no probabilities."""
    if prompt.id.endswith("/7"):
        return Completion(prompt.id, text="neither", stopped="stop")
    user = prompt.messages[-1].content
    first, second = (user.split('"output": """')[place].split('"""')[0] for place in (1, 2))
    p = 0.5 if ("好" in first) == ("好" in second) else 0.9 if "好" in first else 0.1
    return Completion(prompt.id, choice_logprobs=(math.log(p), math.log(1 - p)), choice_tokens=(1, 1))


def arguing(prompt: Prompt) -> Completion:
    """Find answers that say 好 much better, and the first of two alike slightly; in one game be unclear."""
    user = prompt.messages[-1].content
    first, second = (user.split(f"Assistant {name}'s Answer|>\n")[1].split("\n<|The End")[0] for name in "AB")
    verdict = "A>B" if ("好" in first) == ("好" in second) else "A>>B" if "好" in first else "B>>A"
    text = "[[A>B]] or rather [[B>A]]" if prompt.id == "3/1" else f"I wrote my own. My final verdict is: [[{verdict}]]."
    return Completion(prompt.id, text=text, stopped="stop")


RULES: dict[str, Callable[[Prompt], Completion]] = {
    "mixed": lambda prompt: Completion(
        prompt.id, text="好" * (1 + len(prompt.id)) if chance(prompt.id) < 0.5 else "差", stopped="stop"
    ),
    "good": lambda prompt: Completion(prompt.id, text="好" * 9, stopped="stop"),
    "bad": lambda prompt: Completion(prompt.id, text="差" * 9, stopped="length"),
    "preferring": preferring,
    "arguing": arguing,
    "unclear": lambda prompt: Completion(prompt.id, text="I cannot say.", stopped="stop"),
}


def wrote(config: Rule, *, out: Path, runtime: Runtime, prompts: Mapping[str, PromptSet]) -> CompletionSet:
    for name, asked in prompts.items():
        jsonl.write(out / f"{name}.jsonl", [RULES[config.rule](prompt) for prompt in asked])
    return CompletionSet(out, {name: {"template": "gemma2"} for name in prompts})


def by(rule: str, prompts: Step[PromptSet]) -> Step[CompletionSet]:
    return step(wrote, Rule(rule=rule), {"prompts": {"asked": prompts}})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty instructions with a baseline's answers, and eight questions of two categories with theirs."""
    folder = tmp_path_factory.mktemp("benchmarks")
    base = [Output(f"第{n}个问题？", "中" * (n % 5 + 1), "base", "koala" if n % 2 else "vicuna") for n in range(20)]
    write_records(folder / "outputs.json", base)
    names = {"hard_prompt": "o3-mini-2025-01-31", "creative_writing": "gemini-2.0-flash-001"}
    questions = [Question(str(n), f"难题{n}", "hard_prompt" if n < 5 else "creative_writing") for n in range(8)]
    write(folder / "question.jsonl", questions)
    for category, model in names.items():
        turns: list[dict[str, Any]] = [{"role": "assistant", "content": {"answer": "中等的回答"}}]
        write(
            folder / f"{model}.jsonl", [Answer(one.uid, model, turns) for one in questions if one.category == category]
        )
    rows = ["model,index,std_delta_len,instruction_difficulty,not_gamed_baseline,preference"]
    rows += [f"gamed,{n},{n / 10 - 1},{share_of(f'd{n}')},False,{0.5 - n / 100 + 0.1}" for n in range(20)]
    (folder / "gamed.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def instructions(desk: Desk, files: Path) -> Step[PromptSet]:
    return desk.prepared({"name": "alpaca_eval", "file": str(files / "outputs.json")})


@pytest.fixture
def questions(desk: Desk, files: Path) -> Step[PromptSet]:
    baselines = [str(files / f"{name}.jsonl") for name in ("o3-mini-2025-01-31", "gemini-2.0-flash-001")]
    return desk.prepared({"name": "arena_hard", "file": str(files / "question.jsonl"), "baselines": baselines})


def rated(
    prompts: Step[PromptSet], answers: Step[CompletionSet], judge: str, seed: int = 0, **config: Any
) -> Step[ScoreSet]:
    asked = step(
        win_rate_prompts.win_rate_prompts,
        win_rate_prompts.Config(model="mine", seed=seed),
        {"prompts": prompts, "completions": answers},
    )
    inputs = {"prompts": prompts, "completions": answers, "judge_prompts": asked, "verdicts": by(judge, asked)}
    return step(win_rate.win_rate, win_rate.Config(**config), inputs)


def from_file(prompts: Step[PromptSet], answers: Step[CompletionSet], file: Path, **config: Any) -> Step[ScoreSet]:
    return step(
        win_rate.win_rate, win_rate.Config(annotations=file, **config), {"prompts": prompts, "completions": answers}
    )


def scores(found: ScoreSet) -> dict[tuple[str, str], Any]:
    return {(one.measure, one.group): one for one in found.scores}


def test_alpaca_by_hand_whichever_answer_stands_first(desk: Desk, instructions: Step[PromptSet]) -> None:
    """The baseline never says 好; good answers get 0.9, bad ones 0.5, and prompt 7 no preference."""
    answers = by("mixed", instructions)
    texts = {one.prompt_id: one.text for one in desk.run(answers).of(desk.run(instructions))}
    expected = [0.9 if "好" in text else 0.5 for name, text in texts.items() if not name.endswith("/7")]
    assert 3 < expected.count(0.9) < 17
    for seed in (0, 1):
        found = desk.run(rated(instructions, answers, "preferring", seed=seed))
        whole = scores(found)["win_rate", ""]
        assert whole.mean == pytest.approx(sum(expected) / 19)
        assert (whole.count, whole.unanswered) == (19, 1)
        assert whole.low < whole.mean < whole.high
    assert scores(found)["win_rate", "koala"].unanswered == 1
    assert scores(found)["win_rate", "vicuna"].unanswered == 0
    assert scores(found)["characters", ""].mean == sum(map(len, texts.values())) / 20
    assert found.overview.warnings == ("1 of 20 answers have no preference of the judge and are left out of win_rate",)
    assert [one.where for one in jsonl.read(found.path / "rejected.jsonl", Rejected)] == ["koala/7"]


def test_both_orders_are_shown_and_the_judge_never_sees_a_name(desk: Desk, instructions: Step[PromptSet]) -> None:
    asked = step(
        win_rate_prompts.win_rate_prompts,
        win_rate_prompts.Config(model="mine"),
        {"prompts": instructions, "completions": by("good", instructions)},
    )
    prompts = list(desk.run(asked))
    first = ['"m",\n        "output": """好' in one.messages[-1].content for one in prompts]
    assert 4 < sum(first) < 16
    assert all(one.choices == ("m", "M") for one in prompts)
    said = " ".join(message.content for one in prompts for message in one.messages)
    assert re.findall(r"\b(?:mine|base)\b", said) == []
    outputs = read_outputs(desk.run(asked).path / "model_outputs.json")
    assert outputs[3] == Output("第3个问题？", "好" * 9, "mine", "koala")


def test_what_was_judged_here_reads_back_as_a_file_of_annotations(
    desk: Desk, instructions: Step[PromptSet], files: Path
) -> None:
    answers = by("mixed", instructions)
    gamed: dict[str, Any] = {"gamed": files / "gamed.csv", "resamples": 100}
    here = desk.run(rated(instructions, answers, "preferring", **gamed))
    there = desk.run(from_file(instructions, answers, here.path / "annotations.json", **gamed))
    assert list(there.scores) == list(here.scores)
    assert list(there.marks) == list(here.marks)
    controlled = scores(here)["length_controlled_win_rate", ""]
    assert controlled.low <= controlled.mean <= controlled.high
    assert (controlled.count, controlled.unanswered) == (19, 1)
    with (here.path / "leaderboard.csv").open(encoding="utf-8", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row[""] == "mine"
    assert float(row["win_rate"]) == pytest.approx(100 * scores(here)["win_rate", ""].mean)
    assert float(row["length_controlled_winrate"]) == pytest.approx(100 * controlled.mean)
    assert int(row["n_total"]) == 19
    assert (here.path / "weights.csv").read_text(encoding="utf-8").splitlines()[1].startswith("mine,")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output_2": "别的"}, "prompt vicuna/0: output_2 is another answer than the one given here"),
        ({"output_1": "别的"}, "prompt vicuna/0: output_1 is another answer than that of the baseline base"),
        ({"instruction": "没问过"}, "1 instructions were not asked here, the first one '没问过'"),
    ],
)
def test_annotations_of_something_else_are_refused(
    desk: Desk, instructions: Step[PromptSet], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    row = {"instruction": "第0个问题？", "output_1": "中", "output_2": "好" * 9, "preference": 1.5}
    one = msgspec.convert({**row, "generator_1": "base", "generator_2": "mine"} | change, Annotation)
    write_records(tmp_path / "annotations.json", [one])
    with pytest.raises(ValueError, match=message):
        desk.run(from_file(instructions, by("good", instructions), tmp_path / "annotations.json"))


def test_answers_that_a_file_does_not_judge_are_counted(
    desk: Desk, instructions: Step[PromptSet], tmp_path: Path
) -> None:
    rows = [
        Annotation(f"第{n}个问题？", "中" * (n % 5 + 1), "base", "好" * 9, "mine", preference=2.0) for n in range(4)
    ]
    write_records(tmp_path / "annotations.json", rows)
    found = desk.run(from_file(instructions, by("good", instructions), tmp_path / "annotations.json"))
    whole = scores(found)["win_rate", ""]
    assert (whole.mean, whole.count, whole.unanswered) == (1.0, 4, 16)
    reasons = [one.reason for one in jsonl.read(found.path / "rejected.jsonl", Rejected)]
    assert reasons == ["not judged"] * 16


def test_arena_by_hand(desk: Desk, questions: Step[PromptSet]) -> None:
    """Good answers win both games threefold; game 1 of question 3 is unclear."""
    found = desk.run(rated(questions, by("good", questions), "arguing"))
    whole = scores(found)
    assert whole["win_rate", ""].mean == 1.0
    assert (whole["win_rate", ""].count, whole["win_rate", ""].unanswered) == (8, 0)
    assert [one.weight for one in found.marks if one.measure == "win_rate"] == [6.0, 6.0, 6.0, 3.0, 6.0, 6.0, 6.0, 6.0]
    assert whole["orders_agree", ""].count == 7
    unread, categories, point = found.overview.warnings
    assert point == "win_rate: all 8 answers won the same share, so its interval is a point and means nothing"
    assert unread == "no verdict could be read in 1 games; they are left out of win_rate"
    assert categories.startswith("the categories are judged against different baselines (hard_prompt: o3-mini")
    assert [one.where for one in jsonl.read(found.path / "rejected.jsonl", Rejected)] == ["3 mine, game 1"]


def test_a_judge_that_prefers_the_first_place_gives_one_half_and_orders_that_disagree(
    desk: Desk, questions: Step[PromptSet]
) -> None:
    """Only the unclear game, which ends with B>A, goes to the model that stands second in it."""
    whole = scores(desk.run(rated(questions, by("bad", questions), "arguing", several="last")))
    assert whole["win_rate", ""].mean == pytest.approx(9 / 16)
    assert whole["orders_agree", ""].mean == pytest.approx(1 / 8)


def test_of_several_verdicts_the_config_says_which(desk: Desk, questions: Step[PromptSet]) -> None:
    """The unclear game ends with B>A, and the model is B there."""
    found = desk.run(rated(questions, by("good", questions), "arguing", several="last"))
    assert [one.extracted for one in found.marks if one.measure == "win_rate"][3] == "1x1 1x3"
    assert list(jsonl.read(found.path / "rejected.jsonl", Rejected)) == []


def test_arena_judgments_read_back_and_weigh_as_bradley_terry(desk: Desk, questions: Step[PromptSet]) -> None:
    answers = by("mixed", questions)
    here = desk.run(rated(questions, answers, "arguing"))
    there = desk.run(from_file(questions, answers, here.path / "judgments.jsonl"))
    assert list(there.scores) == list(here.scores)
    marks = [one for one in here.marks if one.measure == "win_rate"]
    expected = sum(one.value for one in marks) / sum(one.weight for one in marks)
    assert scores(here)["win_rate", ""].mean == pytest.approx(expected)
    assert 0.5 < expected < 1


def test_style_is_held_still_by_category(desk: Desk, questions: Step[PromptSet]) -> None:
    answers = by("mixed", questions)
    found = desk.run(rated(questions, answers, "arguing", style="length", resamples=100))
    controlled = {one.group: one for one in found.scores if one.measure == "style_controlled_win_rate"}
    assert controlled.keys() == {"hard_prompt", "creative_writing"}
    assert all(0 <= one.low <= one.mean <= one.high <= 1 for one in controlled.values())
    assert [one.count for one in controlled.values()] == [5, 3]
    plain = scores(found)["win_rate", "hard_prompt"].mean
    assert controlled["hard_prompt"].mean != pytest.approx(plain, abs=1e-3)


def test_arena_files_of_something_else_are_refused(desk: Desk, questions: Step[PromptSet], tmp_path: Path) -> None:
    answers, file = by("good", questions), tmp_path / "judged.jsonl"
    games: list[Game | None] = [Game("A=B"), Game("A=B")]
    for rows, message in (
        ([Judgment("99", "mine", games)], "it judges mine; questions that were not asked: 99"),
        ([Judgment("0", "a", games), Judgment("1", "b", games)], "it judges a, b; questions that were not asked: none"),
        ([Judgment("0", "a", games, baseline="gpt")], "judgment 0 is against gpt; the baseline of its category is o3"),
        ([Judgment("0", "a", [None, Game("B")])], "no verdict could be read in any of 2 games about 8 answers"),
    ):
        write(file, rows)
        with pytest.raises(ValueError, match=message):
            desk.run(from_file(questions, answers, file))


def test_the_answers_are_written_for_arenas_own_tools(desk: Desk, questions: Step[PromptSet]) -> None:
    asked = step(
        win_rate_prompts.win_rate_prompts,
        win_rate_prompts.Config(model="mine"),
        {"prompts": questions, "completions": by("good", questions)},
    )
    found = desk.run(asked)
    answers = read_answers(found.path / "model_answer.jsonl")
    assert [(one.uid, one.model, one.text) for one in answers][:1] == [("0", "mine", "好" * 9)]
    prompts = {one.id: one for one in found}
    assert len(prompts) == 16
    assert prompts["0/1"].messages[-1].content == (
        "<|User Prompt|>\n难题0\n\n<|The Start of Assistant A's Answer|>\n中等的回答\n<|The End of Assistant A's "
        "Answer|>\n\n<|The Start of Assistant B's Answer|>\n好好好好好好好好好\n<|The End of Assistant B's Answer|>"
    )
    assert "A's Answer|>\n好" in prompts["0/2"].messages[-1].content
    assert "generating your own answer" in prompts["0/1"].messages[0].content
    assert "own answer" not in prompts["7/1"].messages[0].content
    assert read_judgments(desk.run(rated(questions, by("good", questions), "arguing")).path / "judgments.jsonl")[
        0
    ].games


def test_two_models_are_compared_pair_by_pair(
    desk: Desk, instructions: Step[PromptSet], questions: Step[PromptSet]
) -> None:
    for prompts, judge in ((instructions, "preferring"), (questions, "arguing")):
        sides = [rated(prompts, by(rule, prompts), judge) for rule in ("bad", "good")]
        config = gate.Config(measures=("win_rate",), expect="rise")
        found = desk.run(step(gate.gate, config, dict(zip(("before", "after"), sides, strict=True))))
        (one,) = found.comparisons
        assert found.ruling.passed
        assert one.after > one.before


def test_the_protocol_tells_judges_apart(desk: Desk, instructions: Step[PromptSet]) -> None:
    first = desk.run(rated(instructions, by("good", instructions), "preferring")).overview
    again = desk.run(rated(instructions, by("good", instructions), "preferring", seed=1)).overview
    other = desk.run(rated(instructions, by("bad", instructions), "preferring")).overview
    assert first.prompts_hash == other.prompts_hash == again.prompts_hash
    assert first.protocol != other.protocol


def test_the_judges_words_come_from_one_place(desk: Desk, instructions: Step[PromptSet], files: Path) -> None:
    answers = by("good", instructions)
    with pytest.raises(ValueError, match="a win rate reads either `annotations`, a file, or"):
        step(win_rate.win_rate, win_rate.Config(), {"prompts": instructions, "completions": answers})
    with pytest.raises(ValueError, match="a win rate reads either `annotations`, a file, or"):
        rated(instructions, answers, "preferring", annotations=files / "outputs.json")
    with pytest.raises(ValueError, match="neither is given"):
        Words(None).said()
    with pytest.raises(ValueError, match="the answers need a name"):
        step(
            win_rate_prompts.win_rate_prompts,
            win_rate_prompts.Config(model=" "),
            {"prompts": instructions, "completions": answers},
        )


def test_prompts_of_another_benchmark_and_without_a_baseline_are_refused(
    desk: Desk, files: Path, tmp_path: Path
) -> None:
    rows = ["一加一等于几,一,二,三,四,B"]
    folder = subject_files(tmp_path / "cmmlu", {"agronomy": rows})
    other = desk.prepared({"name": "cmmlu", "folder": str(folder), "subjects": ["agronomy"]})
    with pytest.raises(
        ValueError, match="holds prompts of cmmlu: a win rate is against the baseline of alpaca_eval or"
    ):
        desk.run(rated(other, by("good", other), "preferring"))
    alone = desk.prepared({"name": "arena_hard", "file": str(files / "question.jsonl")})
    with pytest.raises(ValueError, match="arena_hard: no answer of the baseline to 0, 1, 2"):
        desk.run(rated(alone, by("good", alone), "arguing"))


@real
def test_a_published_model_through_the_step(desk: Desk, tmp_path: Path) -> None:
    """gemma-7b-it: the published raw rate to 1e-9 points, the length-controlled one within 0.15 of the leaderboard."""
    results = REAL / "results"
    outputs = read_outputs(results / "gemma-7b-it" / "model_outputs.json")
    file = results / "gemma-7b-it" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    benchmark = make_benchmark(
        {"name": "alpaca_eval", "file": str(results / "gpt4_1106_preview" / "model_outputs.json")}
    )
    prompts = list(benchmark.prompts(None))
    pairs = [
        (one, Completion(one.id, text=two.output, stopped="stop")) for one, two in zip(prompts, outputs, strict=True)
    ]
    from zhiyin.evaluation.significance import Resampling
    from zhiyin.evaluation.win_rate_pairs import Answered

    found = alpaca(
        [Answered(*pair) for pair in pairs],
        Words(file),
        tmp_path,
        REAL / "lc_check" / "df_gamed.pseudo.csv",
        100.0,
        Resampling(resamples=100),
    )
    raw = 100 * sum(mark.value for mark in found.marks) / len(found.marks)
    assert raw == pytest.approx(6.937294379677018, rel=0, abs=1e-9)
    (controlled,) = found.fitted
    assert 100 * controlled.mean == pytest.approx(10.425760403690134, rel=0, abs=0.15)
    assert found.warnings == ()
    assert read_annotations(tmp_path / "annotations.json")[0].share == pytest.approx(0.0000211125)
    assert json.loads((tmp_path / "annotations.json").read_text(encoding="utf-8"))[0]["raw_completion"]["text"] == "M"
