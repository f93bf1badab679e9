"""Pairs that teach nothing, or the wrong thing, are found, counted, and dropped by policy."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhiyin.artifacts import PreferenceSet
from zhiyin.data.lint_preferences import Config, lint_preferences
from zhiyin.data.pair_checks import Limits, Separation, faults, separations, similarity, states
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference

LIMITS = Limits(0.95, 3.0, "answer")
LONG = "知音的本义是通晓音律的人，后来指能互相了解和赏识的朋友，典出伯牙与钟子期的故事。"


def pair(chosen: str, rejected: str, asked: str = "什么是知音？", **meta: str | int) -> Preference:
    return Preference("p", (Message("user", asked),), chosen, rejected, "s", meta=dict(meta))


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (pair("是朋友。", "是懂音乐的人。"), []),
        (pair("", "好"), ["empty"]),
        (pair("好", " \n"), ["empty"]),
        (pair("好，ＡＢ", "好, a b"), ["identical"]),
        (pair(LONG * 3, LONG * 3 + "完"), ["near_identical"]),
        (pair("答案是A。", "答案是B。"), []),
        (pair("答案是A。", "答案是B。", answer="A"), []),
        (pair("答案是B。", "答案是A。", answer="A"), ["wrong_answer"]),
        (pair("共有1,200人。", "有12人。", answer=1200), []),
        (pair("共有120人。", "有1200人。", answer=1200), ["wrong_answer"]),
        (pair("是伯牙。", "是子期。", answer="钟子期"), ["wrong_answer"]),
        (pair("是好朋友😊", "It is a good friend"), ["other_language"]),
        (pair("It is a good friend", "是好朋友"), ["other_language", "not_the_prompts_language"]),
        (pair("A good friend", "One who knows music"), ["not_the_prompts_language"]),
        (pair("58", "五十八", "91-33="), []),
        (pair("朋友", LONG), ["length_gap"]),
    ],
)
def test_what_is_wrong_with_a_pair(one: Preference, found: list[str]) -> None:
    assert list(faults(one, LIMITS)) == found


@given(st.text("知音ab", max_size=12), st.text("知音ab", max_size=12))
def test_similarity_is_symmetric_and_one_for_equal_texts(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one) == 1.0
    assert 0.0 <= similarity(one, other) <= 1.0


def test_similarity_counts_shared_pieces() -> None:
    assert similarity("一二三四", "一二三五") == 0.5
    assert similarity("一二", "一三") == 0.0


@pytest.mark.parametrize(
    ("text", "gold", "found"),
    [
        ("（Ｂ）", "B", True),
        ("选ABS", "B", False),
        ("DNA是B", "b", True),
        ("3.50元", "3.5", True),
        ("35元", "3.5", False),
        ("5-3=2", "3", True),
        ("2019-2020年", "2020", True),
        ("降到-3度", "-3", True),
        ("降到-3度", "3", False),
        ("共1200人", "1,200", True),
        ("北 京市", "北京", True),
    ],
)
def test_an_answer_states_the_right_one(text: str, gold: str, found: bool) -> None:
    assert states(text, gold) is found


def test_a_feature_that_separates_alone_is_told() -> None:
    emoji = [pair(f"好的{n}😊", f"好的呀{n}") for n in range(8)]
    found = separations(emoji)
    assert found["emoji"] == Separation(1.0, "chosen")
    assert found["length"] == Separation(0.5, "chosen")
    assert next(iter(found)) == "emoji"
    assert separations([pair("短", "长长"), pair("长长", "短"), pair("短", "长长"), pair("一", "二")])["length"] == (
        Separation(1 - 1.5 / 4, "rejected")
    )
    assert separations([]) == {}


def lint(pairs: list[Preference], folder: Path, **fields: Any) -> PreferenceSet:
    PreferenceSet.write(folder / "in", pairs)
    config = Config.model_validate(fields)
    return lint_preferences(config, out=folder / "out", runtime=Runtime(), records=PreferenceSet(folder / "in"))


PAIRS = [
    pair("是好朋友😊", "It is a good friend"),
    pair("", "好"),
    pair("是朋友😊", "是懂音乐的人"),
    pair("A good friend 😊", "One who knows music"),
]


def test_policies_drop_or_keep_and_everything_is_counted(tmp_path: Path) -> None:
    made = lint(PAIRS, tmp_path)
    assert list(made) == PAIRS[2:]
    assert [(row.where, row.reason) for row in made.rejected] == [("p", "other_language"), ("p", "empty")]
    assert made.summary["found"] == {"other_language": 1, "empty": 1, "not_the_prompts_language": 1}
    assert made.summary["rejected"] == {"other_language": 1, "empty": 1}
    assert made.summary["separable"]["before"]["emoji"] == {"accuracy": 0.875, "more_in": "chosen"}
    assert made.summary["separable"]["after"]["emoji"] == {"accuracy": 1.0, "more_in": "chosen"}
    assert [warning.partition(" in ")[0] for warning in made.summary["warnings"]] == [
        "length alone finds the chosen answer",
        "emoji alone finds the chosen answer",
    ]


def test_every_fault_of_a_pair_is_counted_and_the_first_is_its_reason(tmp_path: Path) -> None:
    made = lint([pair("It is a good friend", "是好朋友"), PAIRS[2]], tmp_path, not_the_prompts_language="drop")
    assert made.summary["found"] == {"other_language": 1, "not_the_prompts_language": 1}
    assert made.summary["rejected"] == {"other_language": 1}


def test_another_policy_keeps_them(tmp_path: Path) -> None:
    made = lint(PAIRS, tmp_path, other_language="keep", not_the_prompts_language="drop")
    assert list(made) == [PAIRS[0], PAIRS[2]]
    assert made.summary["rejected"] == {"empty": 1, "not_the_prompts_language": 1}


def test_too_few_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"lint_preferences: 2 of 4 rows rejected \(50\.0%, max_rejected is 40\.0%\)"):
        lint(PAIRS, tmp_path, max_rejected=0.4)
