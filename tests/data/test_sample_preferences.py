"""Pairs of a model's own answers: the best against the worst, by a reward model's or a judge's scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.data.stand_ins import given, made, replied

from zhiyin.artifacts import PreferenceSet, PromptSet, RewardScores
from zhiyin.data import rating_requests, ratings, sample_preferences, sample_requests
from zhiyin.data.ratings import score_in
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Prompt
from zhiyin.records.reward import Reward


def talk(key: str, question: str) -> Conversation:
    return Conversation(key, (Message("user", question), Message("assistant", "答")), "s", "诗")


def requested(records: Sequence[Conversation | Preference], samples: int = 3) -> Step[PromptSet]:
    config = sample_requests.Config(samples=samples)
    return step(sample_requests.sample_requests, config, {"records": given(records)})


def test_each_question_is_asked_once_as_often_as_wanted(runtime: Runtime) -> None:
    asked: PromptSet = made(requested([talk("1", "甲"), talk("2", "乙"), talk("3", "甲")]), runtime)
    assert list(asked) == [
        Prompt("1", messages=(Message("user", "甲"),), group="诗", samples=3),
        Prompt("2", messages=(Message("user", "乙"),), group="诗", samples=3),
    ]
    turns = (Message("system", "s"), Message("user", "甲"))
    pairs: PromptSet = made(requested([Preference("p", turns, "好", "坏", "s")], 2), runtime)
    assert [prompt.messages for prompt in pairs] == [turns]


def test_a_record_without_a_question_is_named(runtime: Runtime) -> None:
    silent = Conversation("x", (Message("system", "s"),), "s")
    with pytest.raises(Exception, match="record x has no user turn"):
        made(requested([silent]), runtime)


class Scores(StepConfig):
    """Rewards in the config itself."""

    scores: dict[str, tuple[float | None, ...]]
    """By prompt, for each sample; None for one that was not rated."""


def scored(config: Scores, *, out: Path, runtime: Runtime) -> RewardScores:
    found = [
        Reward(key, sample, score)
        for key, some in reversed(config.scores.items())
        for sample, score in enumerate(some)
        if score is not None
    ]
    return RewardScores.write(out, found)


ANSWERS = {
    "best": ("一", "二", "三"),
    "same": ("一", "一 ", "一"),
    "tied": ("一", "二", "三"),
    "near": ("一", "二", "三"),
    "empty": ("", "二", " "),
    "unrated": ("一", "二", "三"),
    "equals": ("一", "二", "三"),
}
REWARDS = {
    "best": (0.5, -1.0, 2.0),
    "same": (0.1, 0.2, 0.3),
    "tied": (1.0, 1.0, 1.0),
    "near": (1.0, 1.05, 1.1),
    "empty": (9.0, 1.0, 0.0),
    "unrated": (None, 1.0, 3.0),
    "equals": (2.0, 2.0, 0.0),
}


def pairs_of(
    answers: Mapping[str, Sequence[str]], rewards: Mapping[str, Sequence[float | None]], runtime: Runtime, **fields: Any
) -> PreferenceSet:
    asked = requested([talk(key, f"问{key}") for key in answers])
    completions = replied(asked, answers, stopped=fields.pop("stopped", {}))
    scores = step(scored, Scores(scores={key: tuple(value) for key, value in rewards.items()}))
    inputs = {"prompts": asked, "completions": completions, "rewards": scores}
    config = sample_preferences.Config.model_validate(fields)
    result: PreferenceSet = made(step(sample_preferences.sample_preferences, config, inputs), runtime)
    return result


def test_best_against_worst_and_every_other_question_with_its_reason(runtime: Runtime) -> None:
    result = pairs_of(ANSWERS, REWARDS, runtime, min_margin=0.5)
    assert [(pair.id, pair.chosen, pair.rejected) for pair in result] == [
        ("best", "三", "二"),
        ("unrated", "三", "二"),
        ("equals", "一", "三"),
    ]
    first = next(iter(result))
    assert first.prompt == (Message("user", "问best"),)
    assert (first.source, first.kind) == ("on_policy", "诗")
    assert first.meta == {"chosen_reward": 2.0, "rejected_reward": -1.0, "chosen_sample": 2, "rejected_sample": 1}
    assert {row.where: row.reason for row in result.rejected} == {
        "same": "all answers are the same",
        "tied": "the rewards are tied",
        "near": "a margin of 0.5 or less",
        "empty": "fewer than two answers",
    }
    assert result.summary["left_out"] == {"empty": 2, "without a reward": 1}


def test_a_margin_has_to_be_exceeded(runtime: Runtime) -> None:
    found = pairs_of(
        {"at": ("一", "二"), "above": ("一", "二")}, {"at": (1.0, 0.5), "above": (1.0, 0.25)}, runtime, min_margin=0.5
    )
    assert [pair.id for pair in found] == ["above"]


def test_without_a_margin_only_ties_are_set_aside(runtime: Runtime) -> None:
    result = pairs_of({"near": ANSWERS["near"], "tied": ANSWERS["tied"]}, REWARDS, runtime)
    assert [(pair.id, pair.chosen, pair.rejected) for pair in result] == [("near", "三", "一")]


def test_answers_that_were_cut_off_are_left_out_unless_asked_for(runtime: Runtime) -> None:
    answers = {"best": ANSWERS["best"], "near": ANSWERS["near"]}
    result = pairs_of(answers, REWARDS, runtime, stopped={"best": "length"})
    assert [pair.id for pair in result] == ["near"]
    assert result.summary["left_out"] == {"cut off": 3}
    kept = pairs_of(answers, REWARDS, runtime, stopped={"best": "length"}, cut_off="keep")
    assert [pair.id for pair in kept] == ["best", "near"]


def test_best_and_worst_may_say_the_same(runtime: Runtime) -> None:
    with pytest.raises(Exception, match="1 x best and worst are the same; first at x"):
        pairs_of({"x": ("一", "二", "一 ")}, {"x": (2.0, 1.0, 0.0)}, runtime)


def test_a_judge_rates_each_answer_by_itself(runtime: Runtime) -> None:
    asked = requested([talk("甲", "问甲"), talk("乙", "问乙")], 2)
    completions = replied(asked, {"甲": ("一", "二"), "乙": ("三", "四")})
    questions = step(
        rating_requests.rating_requests, rating_requests.Config(), {"prompts": asked, "completions": completions}
    )
    shown: PromptSet = made(questions, runtime)
    said = {prompt.id: prompt.messages[0].content for prompt in shown}
    assert sorted(said) == ["乙#0", "乙#1", "甲#0", "甲#1"]
    assert said["甲#0"].endswith("<对话>\n用户：问甲\n</对话>\n\n<回答>\n一\n</回答>")
    replies = {"甲#0": "不错。\n分数：7.5", "甲#1": "很差。\n**分数：2分**", "乙#0": "不知道", "乙#1": "分数：8/10"}
    judged = step(
        ratings.ratings, ratings.Config(), {"requests": questions, "completions": replied(questions, replies)}
    )
    found: RewardScores = made(judged, runtime)
    assert {(one.prompt_id, one.sample): one.score for one in found} == {("甲", 0): 7.5, ("甲", 1): 2.0, ("乙", 1): 8.0}
    assert found.summary == {"rewards": 3, "unread": 1}
    inputs = {"prompts": asked, "completions": completions, "rewards": judged}
    pairs: PreferenceSet = made(
        step(sample_preferences.sample_preferences, sample_preferences.Config(), inputs), runtime
    )
    assert [(pair.chosen, pair.rejected) for pair in pairs] == [("一", "二")]
    assert pairs.summary["left_out"] == {"without a reward": 1}


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("理由。\n分数：8", 8.0),
        ("分数：3\n修改后\n得分: ９．５ 分", 9.5),
        ("Score: 7/10", 7.0),
        ("分数：11", None),
        ("分数：7-8", None),
        ("分数：80%", None),
        ("我给8分", None),
        ("", None),
    ],
)
def test_scores_in_replies(reply: str, score: float | None) -> None:
    assert score_in(reply) == score
