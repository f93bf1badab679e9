"""Reward accuracy and margin of pairs, by hand."""

from pathlib import Path

import pytest
from tests.evaluation.desk import make_benchmark

from zhiyin.artifacts import PreferenceSet, TextSet
from zhiyin.records.conversation import Message
from zhiyin.records.preference import Preference
from zhiyin.records.prompt import Completion, Prompt

PAIR = Preference("p", (Message("user", "问"),), "好答", "坏答", "test", "brief")


def prompt(folder: Path) -> Prompt:
    records = PreferenceSet(PreferenceSet.write(folder, [PAIR]).path)
    (found,) = make_benchmark({"name": "preference"}).prompts(records)
    return found


def marked(asked: Prompt, model: tuple[float, ...], reference: tuple[float, ...]) -> dict[str, float]:
    found = make_benchmark({"name": "preference"}).marks(
        asked, Completion("p", choice_logprobs=model), Completion("p", choice_logprobs=reference)
    )
    return {mark.measure: mark.value for mark in found}


def test_both_answers_are_scored_after_the_prompt(tmp_path: Path) -> None:
    found = prompt(tmp_path)
    assert (found.messages, found.choices, found.group) == (PAIR.prompt, ("好答", "坏答"), "brief")
    assert found.reference == "好答"


def test_marks_by_hand(tmp_path: Path) -> None:
    asked = prompt(tmp_path)
    # The model: chosen -5, rejected -4; the reference: -8 and -4. Reward margin 0.1 * ((-5+8) - (-4+4)) = 0.3.
    found = marked(asked, (-5.0, -4.0), (-8.0, -4.0))
    assert found == {"reward_accuracy": 1.0, "reward_margin": pytest.approx(0.3), "chosen_preferred": 0.0}
    found = marked(asked, (-3.0, -4.0), (-1.0, -4.0))
    assert found == {"reward_accuracy": 0.0, "reward_margin": pytest.approx(-0.2), "chosen_preferred": 1.0}


def test_the_reference_itself_ties_with_or_without_rounding(tmp_path: Path) -> None:
    asked = prompt(tmp_path)
    assert marked(asked, (-5.0, -4.0), (-5.0, -4.0))["reward_accuracy"] == 0.5
    assert marked(asked, (-5.0, -4.0), (-5.0, -4.0))["reward_margin"] == 0.0
    assert marked(asked, (-5.0, -4.0), (-5.00002, -4.00001))["reward_accuracy"] == 0.5
    assert marked(asked, (-5.0, -4.0), (-5.01, -4.0))["reward_accuracy"] == 1.0


def test_what_cannot_be_measured_is_named(tmp_path: Path) -> None:
    asked, benchmark = prompt(tmp_path), make_benchmark({"name": "preference"})
    scored = Completion("p", choice_logprobs=(-1.0, -2.0))
    with pytest.raises(ValueError, match="prompt p: there is no reference answer"):
        list(benchmark.marks(asked, scored))
    with pytest.raises(ValueError, match="prompt p: the model did not score"):
        list(benchmark.marks(asked, Completion("p"), scored))
    with pytest.raises(ValueError, match="prompt p: the reference model did not score"):
        list(benchmark.marks(asked, scored, Completion("p")))
    with pytest.raises(TypeError, match="reads a PreferenceSet"):
        list(benchmark.prompts(TextSet(tmp_path)))
