"""What the settings of objectives mean for records: presets, contradictions, turns, prompts, learning rates."""

from typing import Any

import pytest
from tests.training.house import House, build

from zhiyin.chat.encode import Encoded, Encoder
from zhiyin.chat.template import load_encoder
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference
from zhiyin.training.examples import Example
from zhiyin.training.objectives import Objective
from zhiyin.training.objectives.simpo import PRESETS, Simpo

TALK = Conversation(
    "talk",
    (
        Message("system", "你是地理老师。"),
        Message("user", "湖北的省会是哪里？"),
        Message("assistant", "武汉。"),
        Message("user", "湖南的呢？"),
        Message("assistant", "长沙。"),
        Message("user", "广东的呢？"),
        Message("assistant", "广州。"),
    ),
    "test",
)
BRIEF = Conversation("brief", TALK.messages[:3], "test")
LATER = Preference("later", TALK.messages[:4], "长沙。", "我不知道。", "test")
PAIR = Preference("p", (Message("user", "湖北的省会是哪里？"),), "武汉。", "我不知道。", "test")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """Return Gemma-2's template with a small tokenizer."""
    house: House = build(tmp_path_factory.mktemp("store"))
    return load_encoder(house.make(house.gemma).path)


def simpo(**fields: Any) -> Simpo:
    found = make(Objective, {"name": "simpo", **fields})
    assert isinstance(found, Simpo)
    return found


def test_the_presets_are_the_authors_table() -> None:
    table = {name: (preset.beta, preset.gamma_beta_ratio, preset.learning_rate) for name, preset in PRESETS.items()}
    assert table == {
        "gemma2-instruct": (10, 0.5, 8e-7),
        "llama3-instruct-v0.2": (10, 0.3, 1e-6),
        "llama3-instruct": (2.5, 0.55, 1e-6),
        "llama3-base": (2, 0.5, 6e-7),
        "mistral-instruct": (2.5, 0.1, 5e-7),
        "mistral-base": (2, 0.8, 3e-7),
    }
    for name, preset in PRESETS.items():
        found = simpo(preset=name)
        assert (found.beta, found.gamma_beta_ratio) == (preset.beta, preset.gamma_beta_ratio)
        assert found.gamma == pytest.approx(preset.beta * preset.gamma_beta_ratio)
        assert found.told().endswith(f"the learning rate of preset {name} is {preset.learning_rate:g}")


@pytest.mark.parametrize(
    ("fields", "resolved"),
    [
        ({}, (2, 0.25, 0.5)),
        ({"beta": 10}, (10, 0.25, 2.5)),
        ({"gamma": 1}, (2, 0.5, 1)),
        ({"gamma": 0}, (2, 0, 0)),
        ({"beta": 10, "gamma": 5, "gamma_beta_ratio": 0.5}, (10, 0.5, 5)),
        ({"preset": "gemma2-instruct", "beta": 5}, (5, 0.5, 2.5)),
        ({"preset": "gemma2-instruct", "gamma": 2}, (10, 0.2, 2)),
        ({"preset": "gemma2-instruct", "gamma_beta_ratio": 0.4}, (10, 0.4, 4)),
    ],
)
def test_both_forms_of_the_margin_are_filled_in(fields: dict[str, Any], resolved: tuple[float, ...]) -> None:
    found = simpo(**fields)
    assert (found.beta, found.gamma_beta_ratio, found.gamma) == pytest.approx(resolved)
    beta, ratio, gamma = resolved
    assert found.told().startswith(f"SimPO with beta {beta:g}, gamma_beta_ratio {ratio:g}, so gamma {gamma:g}")
    recorded = make(Objective, found.plain(), context={"recorded": True})
    assert recorded.plain() == found.plain()
    assert {name: found.plain()[name] for name in ("beta", "gamma_beta_ratio", "gamma")} == {
        "beta": found.beta,
        "gamma_beta_ratio": found.gamma_beta_ratio,
        "gamma": found.gamma,
    }


def test_two_ways_to_write_one_margin_are_one_identity() -> None:
    assert simpo(gamma=1.0).identity() == simpo(gamma_beta_ratio=0.5).identity()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "simpo", "gamma": 1, "gamma_beta_ratio": 0.4}, "contradict each other.*here 0.8"),
        ({"name": "simpo", "gamma": 1, "gamma_beta_ratio": 0.25}, "contradict each other.*here 0.5"),
        ({"name": "simpo", "beta": 0}, "greater than 0"),
        ({"name": "simpo", "preset": "gemma"}, "gemma2-instruct"),
        ({"name": "simpo", "loss_type": "ipo"}, "'sigmoid' or 'hinge'"),
        ({"name": "simpo", "loss_type": "hinge", "label_smoothing": 0.1}, "hinge has none"),
        ({"name": "dpo", "loss_type": "hinge", "label_smoothing": 0.1}, "hinge has none"),
        ({"name": "dpo", "loss_type": "ipo", "label_smoothing": 0.1}, "ipo has none"),
        ({"name": "dpo", "loss_type": "ipo", "beta": 0}, "beta must be above 0"),
        ({"name": "dpo", "label_smoothing": 0.5}, "less than 0.5"),
        ({"name": "dpo", "sft_weight": -1}, "greater than or equal to 0"),
        ({"name": "orpo", "beta": -1}, "greater than or equal to 0"),
        ({"name": "cross_entropy", "turn_weights": []}, "at least 1 item"),
        ({"name": "cross_entropy", "turn_weights": [0, 0]}, "all 0"),
        ({"name": "cross_entropy", "turn_weights": [-1]}, "greater than or equal to 0"),
        ({"name": "cross_entropy", "turn_weights": [float("inf")]}, "finite"),
        ({"name": "cross_entropy", "turn_weights": [1, 0], "train_on_prompt": True}, "goes without turn_weights"),
    ],
)
def test_a_setting_that_means_nothing_is_an_error(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(Objective, config)


@pytest.mark.parametrize(
    ("name", "good", "high"),
    [("simpo", 9.9e-6, 1e-5), ("dpo", 4.9e-5, 5e-5), ("orpo", 9.9e-5, 1e-4)],
)
def test_a_high_learning_rate_is_warned_of(name: str, good: float, high: float) -> None:
    objective = make(Objective, name)
    assert objective.cautions(good) == []
    (caution,) = objective.cautions(high)
    assert caution.startswith(f"learning_rate {high:g} is high for ")


def test_other_objectives_tell_nothing() -> None:
    for name in ("causal_lm", "cross_entropy", "dpo", "orpo"):
        assert make(Objective, name).told() == ""
    assert make(Objective, "cross_entropy").cautions(1.0) == []


def encoded(encoder: Encoder, record: Conversation, **fields: Any) -> tuple[Example, Encoded, Objective]:
    objective = make(Objective, {"name": "cross_entropy", **fields})
    (example,) = objective.examples([record], encoder, 500)
    assert isinstance(example, Example)
    return example, example.sequences[0], objective


def weighed_text(encoder: Encoder, sequence: Encoded) -> dict[float, str]:
    """Return the text of all tokens of each weight."""
    weights = sequence.weights or [float(supervised) for supervised in sequence.mask]
    return {
        weight: encoder.tokenizer.decode(
            [id for id, one in zip(sequence.ids, weights, strict=True) if one == weight], skip_special_tokens=False
        )
        for weight in set(weights)
        if weight
    }


def test_every_turn_has_its_weight(encoder: Encoder) -> None:
    example, sequence, objective = encoded(encoder, TALK, turn_weights=[1, 0.5, 2])
    assert weighed_text(encoder, sequence) == {
        2: "武汉。<end_of_turn>",
        0.5: "长沙。<end_of_turn>",
        1: "广州。<end_of_turn>",
    }
    plain = encoded(encoder, TALK)[1]
    assert (plain.weights, plain.ids, plain.mask) == (None, sequence.ids, sequence.mask)
    assert sequence.weights is not None
    assert [weight > 0 for weight in sequence.weights] == sequence.mask
    assert objective.units(example) == sum(sequence.weights)


def test_the_final_weight_holds_for_all_earlier_turns_and_surplus_ones_are_not_used(encoder: Encoder) -> None:
    assert weighed_text(encoder, encoded(encoder, TALK, turn_weights=[3, 0.5])[1]) == {
        0.5: "武汉。<end_of_turn>长沙。<end_of_turn>",
        3: "广州。<end_of_turn>",
    }
    assert weighed_text(encoder, encoded(encoder, BRIEF, turn_weights=[3, 0.5])[1]) == {3: "武汉。<end_of_turn>"}
    _, sequence, _ = encoded(encoder, TALK, turn_weights=[3, 0.5], score_header=True)
    assert weighed_text(encoder, sequence)[3].startswith("<start_of_turn>model\n广州。<end_of_turn>\n")


def test_a_turn_of_weight_zero_is_not_supervised(encoder: Encoder) -> None:
    for header in (False, True):
        _, sequence, _ = encoded(encoder, TALK, turn_weights=[1, 0], score_header=header)
        assert sequence.mask == encoder.conversation(TALK.messages, last_only=True, score_header=header).mask
    objective = make(Objective, {"name": "cross_entropy", "turn_weights": [0, 1]})
    first, second = objective.examples([BRIEF, TALK], encoder, 500)
    assert isinstance(first, Rejected)
    assert first.reason == "no supervised token"
    assert isinstance(second, Example)


def test_equal_weights_are_a_plain_mean_and_a_weight_is_a_repetition(encoder: Encoder) -> None:
    example, _, objective = encoded(encoder, TALK, turn_weights=[2])
    plain, _, bare = encoded(encoder, TALK)
    assert objective.units(example) == 2 * bare.units(plain)
    assert isinstance(bare.units(plain), int)


def test_answers_that_do_not_stand_apart_are_an_error(encoder: Encoder) -> None:
    class Merging(Encoder):
        """Supervises everything, as a template would that puts nothing between two answers."""

        def conversations(self, batch: Any, *, score_header: bool = False, last_only: bool = False) -> list[Encoded]:
            return [Encoded(one.ids, [True] * len(one.ids)) for one in super().conversations(batch)]

    merging = Merging(encoder.tokenizer, encoder.template)
    with pytest.raises(ValueError, match="3 answers are 1 runs"):
        encoded(merging, TALK, turn_weights=[1, 0])


def test_every_token_but_the_first_is_learnt_with_train_on_prompt(encoder: Encoder) -> None:
    example, sequence, objective = encoded(encoder, TALK, train_on_prompt=True)
    assert sequence.ids == encoded(encoder, TALK)[1].ids
    assert sequence.ids[0] == encoder.bos_id
    assert sequence.mask == [False] + [True] * (len(sequence.ids) - 1)
    assert objective.units(example) == len(sequence.ids) - 1


@pytest.mark.parametrize("name", ["dpo", "simpo", "orpo"])
def test_pairs_score_the_last_answer_alone_or_with_its_header(encoder: Encoder, name: str) -> None:
    for header in (False, True):
        objective = make(Objective, {"name": name, "score_header": header})
        (example,) = objective.examples([LATER], encoder, 500)
        assert isinstance(example, Example)
        for sequence, answer in zip(example.sequences, (LATER.chosen, LATER.rejected), strict=True):
            turns = (*LATER.prompt, Message("assistant", answer))
            assert sequence == encoder.conversation(turns, score_header=header, last_only=True)
            text = weighed_text(encoder, sequence)[1]
            assert text == (
                f"<start_of_turn>model\n{answer}<end_of_turn>\n<eos>" if header else f"{answer}<end_of_turn>"
            )
        assert objective.units(example) == 1
        chosen = sum(example.sequences[0].mask)
        assert objective.tokens(example) == (chosen if name == "orpo" else 0)
        if name != "orpo":
            both = make(Objective, {"name": name, "score_header": header, "sft_weight": 0.1})
            assert both.tokens(example) == chosen


@pytest.mark.parametrize("name", ["dpo", "simpo", "orpo"])
def test_a_pair_that_is_too_long_is_set_aside_whole(encoder: Encoder, name: str) -> None:
    long = Preference("long", PAIR.prompt, PAIR.chosen, PAIR.rejected * 20, "test")
    found = list(make(Objective, name).examples([PAIR, long, PAIR], encoder, 60))
    assert [type(one) for one in found] == [Example, Rejected, Example]
    assert isinstance(found[1], Rejected)
    assert (found[1].where, found[1].reason) == ("long", "longer than max_length")
