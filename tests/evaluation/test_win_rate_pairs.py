"""What does not belong together is refused: answers, judges' words and tables of difficulty."""

from pathlib import Path

import pytest
from tests.evaluation.desk import Desk
from tests.evaluation.test_win_rate import by

from zhiyin.artifacts import PromptSet
from zhiyin.evaluation import win_rate, win_rate_prompts
from zhiyin.evaluation.alpaca_eval import Output, write_records
from zhiyin.evaluation.significance import Resampling
from zhiyin.evaluation.win_rate_alpaca import alpaca
from zhiyin.evaluation.win_rate_arena import arena
from zhiyin.evaluation.win_rate_pairs import Answered, Words, by_id, shown
from zhiyin.evaluation.win_rate_sums import Judged, added_up, points
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.records.score import Mark

PLAN = Resampling(resamples=100)


@pytest.fixture
def instructions(desk: Desk, tmp_path: Path) -> Step[PromptSet]:
    write_records(tmp_path / "outputs.json", [Output(f"问{n}", "基线", "base", "koala") for n in range(12)])
    return desk.prepared({"name": "alpaca_eval", "file": str(tmp_path / "outputs.json")})


def judge_prompts(prompts: Step[PromptSet], rule: str) -> Step[PromptSet]:
    inputs = {"prompts": prompts, "completions": by(rule, prompts)}
    return step(win_rate_prompts.win_rate_prompts, win_rate_prompts.Config(), inputs)


def test_words_about_other_answers_are_refused(desk: Desk, instructions: Step[PromptSet]) -> None:
    asked = judge_prompts(instructions, "bad")
    inputs = {"prompts": instructions, "completions": by("good", instructions)}
    mixed = step(
        win_rate.win_rate, win_rate.Config(), {**inputs, "judge_prompts": asked, "verdicts": by("unclear", asked)}
    )
    with pytest.raises(
        ValueError, match=r"shows the judge the answers wrote-\w+ to prepare-\w+, not wrote-\w+ to prepare-"
    ):
        desk.run(mixed)


def test_a_judge_that_decides_nothing_gives_no_rate(desk: Desk, instructions: Step[PromptSet]) -> None:
    asked = judge_prompts(instructions, "good")
    inputs = {"prompts": instructions, "completions": by("good", instructions)}
    silent = step(
        win_rate.win_rate, win_rate.Config(), {**inputs, "judge_prompts": asked, "verdicts": by("unclear", asked)}
    )
    with pytest.raises(ValueError, match="none of 12 pairs has a preference"):
        desk.run(silent)


def test_a_prompt_has_one_answer() -> None:
    twice = iter([Completion("a"), Completion("b"), Completion("a", sample=1)])
    with pytest.raises(ValueError, match="store: prompt a has several answers"):
        by_id(twice, "store")


def test_ids_are_shown_up_to_ten() -> None:
    assert shown([]) == "none"
    assert shown(["a", "b"]) == "a, b"
    assert shown([str(number) for number in range(13)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more"


def answered(count: int, group: str = "koala") -> list[Answered]:
    meta: dict[str, str | int | float | bool | list[str]] = {"baseline": "base"}
    return [
        Answered(
            Prompt(
                f"p{n}",
                messages=(Message("user", f"问{n}"),),
                reference="基线" * (n + 1),
                group=group,
                meta={**meta, "index": n},
            ),
            Completion(f"p{n}", text="回答", stopped="stop"),
        )
        for n in range(count)
    ]


class Said(Words):
    """Words whose answers are given, without a store."""

    def said(self) -> dict[str, Completion]:
        return {"p0": Completion("p0", choice_logprobs=(-0.1, -2.0)), "p0/1": Completion("p0/1", text="[[A>B]]")}

    def setting(self, name: str) -> str | int:
        return "mine" if name == "model" else 0


def test_every_answer_must_have_been_shown_to_the_judge(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the judge was not asked about p1, p2"):
        alpaca(answered(3), Said(None), tmp_path, None, None, PLAN)
    with pytest.raises(ValueError, match="the judge was not asked about p1, p2"):
        arena(answered(3, "hard_prompt"), Said(None), tmp_path, "none", "last", PLAN)


def test_an_instruction_of_unknown_difficulty_is_named(tmp_path: Path) -> None:
    gamed = tmp_path / "df_gamed.csv"
    header = "model,index,std_delta_len,instruction_difficulty,not_gamed_baseline,preference\n"
    gamed.write_text(header + "brief,7,1.5,0.25,False,0.4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"df_gamed\.csv does not say how hard these instructions are: 0"):
        alpaca(answered(1), Said(None), tmp_path, gamed, 100.0, PLAN)


def test_undecided_answers_are_unanswered_of_their_group_and_lengths_come_last() -> None:
    marks = [Mark(f"p{n}", "win_rate", n / 4, str(n), group="ab"[n % 2]) for n in range(4)]
    judged = Judged(tuple(marks), (), (), {"a": 2}, "judge")
    lengths = [Mark("p0", "characters", 3.0, "字")]
    found = added_up("alpaca_eval", judged, lengths, PLAN)
    told = [(one.measure, one.group, one.count, one.unanswered) for one in found]
    assert told == [("win_rate", "", 4, 2), ("win_rate", "a", 2, 2), ("win_rate", "b", 2, 0), ("characters", "", 1, 0)]
    assert list(points(found)) == []
    alike = [Mark(f"p{n}", "win_rate", 0.5, "x") for n in range(3)]
    told_of = list(points(added_up("alpaca_eval", judged._replace(marks=tuple(alike)), lengths, PLAN)))
    assert told_of == ["win_rate: all 3 answers won the same share, so its interval is a point and means nothing"]
