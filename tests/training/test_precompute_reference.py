"""A reference kept as an artifact gives the training it would have computed itself, and no other is taken for it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import House

from zhiyin.artifacts import CurvePoint, ReferenceLogProbs
from zhiyin.chat.template import load_encoder
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.training.precompute_reference import Config, precompute_reference
from zhiyin.training.reference import FILE
from zhiyin.training.train import Config as TrainConfig
from zhiyin.training.train import train
from zhiyin.weights.load import load_model


def reference(house: House, **config: Any) -> Step[ReferenceLogProbs]:
    settings = Config.model_validate({"max_length": 200, **config})
    return step(precompute_reference, settings, {"model": house.gemma, "data": house.pairs})


def dpo(house: House, model: Any = None, **inputs: Any) -> Step[Any]:
    config = {"objective": "dpo", "learning_rate": 5e-3, "batch_size": 4, "max_length": 200, "guards": {"probes": 0}}
    settings = TrainConfig.model_validate(config)
    whole = {"model": model or house.gemma, "data": house.pairs, "held_out": house.pairs, **inputs}
    return step(train, settings, whole)


def test_it_holds_the_log_probabilities_of_both_answers(house: House) -> None:
    found = house.make(reference(house))
    network = load_model(house.make(house.gemma), device="cpu")
    encoder = load_encoder(house.make(house.gemma).path)
    kept = load_file(found.path / FILE)["logprobs"]
    config = Config.model_validate({"max_length": 200})
    for number, example in enumerate(config.objective.examples(house.make(house.pairs), encoder, 200)):
        for side, sequence in enumerate(example.sequences):  # type: ignore[union-attr]
            with torch.no_grad():
                logits = network(input_ids=torch.tensor([sequence.ids])).logits[0].log_softmax(-1)
            places = [at for at in range(1, len(sequence.ids)) if sequence.mask[at]]
            expected = sum(float(logits[at - 1, sequence.ids[at]]) for at in places)
            assert float(kept[number, side]) == pytest.approx(expected, abs=1e-4)
    assert found.manifest.summary["examples"] == len(kept) == 7


def test_a_training_that_is_given_it_is_the_training_that_computes_it(house: House) -> None:
    alone = house.make(dpo(house))
    shared = house.make(dpo(house, reference=reference(house), held_out_reference=reference(house)))
    for name in ("loss", "rewards/margins", "grad_norm"):
        mine, other = (
            [point.values[name] for point in read(one.path / "curve.jsonl") if name in point.values]
            for one in (shared, alone)
        )
        assert mine == pytest.approx(other, rel=1e-3, abs=1e-5)
        assert len(mine) >= 2


def read(file: Path) -> list[CurvePoint]:
    return list(jsonl.read(file, CurvePoint))


def test_a_reference_of_other_tokens_is_refused(house: House) -> None:
    with pytest.raises(Exception, match="lacks 7 of 7 examples, p0 among them"):
        house.make(dpo(house, reference=reference(house, objective={"name": "dpo", "score_header": True})))


def test_a_reference_of_another_model_is_refused(house: House) -> None:
    with pytest.raises(Exception, match="this training starts from"):
        house.make(dpo(house, model=house.llama, reference=reference(house)))


def test_an_objective_without_a_reference_takes_none(house: House, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs no reference model"):
        reference(house, objective="simpo")
