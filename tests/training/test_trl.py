"""Losses and gradients of our objectives beside those of TRL's own trainers, on the same weights and token ids."""

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import build
from torch import Tensor, nn
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoded
from zhiyin.chat.template import load_encoder
from zhiyin.execution.catalog import make
from zhiyin.training.batches import pad
from zhiyin.training.examples import Example
from zhiyin.training.kto import kto_loss
from zhiyin.training.logprobs import token_logprobs
from zhiyin.training.objectives import Objective
from zhiyin.weights.load import load_model

PYTHON = Path(__file__).parents[2] / ".venv-bench" / "trl" / "bin" / "python"
pytestmark = [pytest.mark.peer, pytest.mark.skipif(not PYTHON.is_file(), reason="TRL is not there: make bench-env")]

NOISE = 0.05
"""Standard deviation of what is added to the weights of the reference to make the policy."""
ALIKE = 2e-5
"""Both losses are float32; TRL also sums a sequence's log-probabilities in float32."""

# Our settings, TRL's trainer, TRL's settings. TRL's DPO has no conservative form of its sigmoid; for a single pair its
# loss `aot` is that. It learns ORPO's prompts as well, so the whole loss is compared where the prompt is one token.
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "dpo": ({"name": "dpo", "beta": 0.2}, "dpo", {"beta": 0.2, "loss_type": ["sigmoid"]}),
    "dpo_hinge": (
        {"name": "dpo", "beta": 0.05, "loss_type": "hinge"},
        "dpo",
        {"beta": 0.05, "loss_type": ["hinge"]},
    ),
    "dpo_ipo": ({"name": "dpo", "loss_type": "ipo"}, "dpo", {"beta": 0.1, "loss_type": ["ipo"]}),
    "dpo_sft": (
        {"name": "dpo", "sft_weight": 0.3},
        "dpo",
        {"beta": 0.1, "loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.3]},
    ),
    "dpo_smoothed_single": (
        {"name": "dpo", "beta": 0.2, "label_smoothing": 0.15},
        "dpo",
        {"beta": 0.2, "loss_type": ["aot"], "label_smoothing": 0.15},
    ),
    "simpo": (
        {"name": "simpo", "gamma": 1.2},
        "simpo",
        {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 1.2, "cpo_alpha": 0.0},
    ),
    "simpo_sft": (
        {"name": "simpo", "preset": "gemma2-instruct", "sft_weight": 0.4, "label_smoothing": 0.1},
        "simpo",
        {"loss_type": "simpo", "beta": 10.0, "simpo_gamma": 5.0, "cpo_alpha": 0.4, "label_smoothing": 0.1},
    ),
    "orpo_odds": ({"name": "orpo", "beta": 0.3}, "orpo_odds", {"beta": 0.3}),
    "orpo_bare": ({"name": "orpo", "beta": 0.3}, "orpo", {"beta": 0.3}),
}
WEIGHTS = {"desirable_weight": 1.5, "undesirable_weight": 0.75}


@dataclass(frozen=True)
class Bench:
    """Both models, the pairs, and what TRL made of them."""

    policy: PreTrainedModel
    reference: PreTrainedModel
    pairs: list[Example]
    losses: dict[str, float]
    folder: Path

    def gradient(self, case: str) -> dict[str, Tensor]:
        return load_file(self.folder / f"{case}.safetensors")


def split(sequence: Encoded) -> tuple[list[int], list[int]]:
    """Return prompt and answer; what follows the last supervised token changes nothing and is left out."""
    begin = sequence.mask.index(True)
    end = len(sequence.mask) - sequence.mask[::-1].index(True)
    assert all(sequence.mask[begin:end])
    return sequence.ids[:begin], sequence.ids[begin:end]


def bare(example: Example) -> Example:
    """Return the pair with a prompt of one token."""
    answers = [split(sequence) for sequence in example.sequences]
    made = [Encoded([prompt[0], *ids], [False] + [True] * len(ids)) for prompt, ids in answers]
    return Example(example.id, tuple(made))


def chosen_for(case: str, pairs: list[Example]) -> list[Example]:
    if case.endswith("bare"):
        return [bare(pair) for pair in pairs]
    return pairs[:1] if case.endswith("single") else pairs


def as_pair(example: Example) -> dict[str, list[int]]:
    (prompt, chosen), (same, rejected) = map(split, example.sequences)
    assert prompt == same
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def unpaired(pairs: list[Example]) -> list[dict[str, Any]]:
    """Return single answers, good and bad in turn, each with the next prompt's answer for the estimate of the KL."""
    made = [as_pair(pair) for pair in pairs]
    rows = [
        {"prompt": one["prompt"], "completion": one[kind], "label": kind == "chosen"}
        for one, kind in zip(made, ["chosen", "rejected", "rejected"] * len(made), strict=False)
    ]
    return [{**row, "KL_completion": rows[at - 1]["completion"]} for at, row in enumerate(rows)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Bench:
    """Train nothing: make two models, let TRL compute every case in its own interpreter."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trl")
    house = build(folder / "store")
    checkpoint = house.make(house.gemma)
    encoder = load_encoder(checkpoint.path)
    pairs = [
        one
        for one in make(Objective, "dpo").examples(house.make(house.pairs), encoder, 200)
        if isinstance(one, Example)
    ]
    assert len(pairs) == 7
    reference, policy = (load_model(checkpoint, device="cpu") for _ in "ab")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(NOISE * torch.randn(parameter.shape, generator=generator))
    policy.save_pretrained(folder / "policy")
    cases: dict[str, dict[str, Any]] = {
        name: {
            "trainer": peer,
            "settings": settings,
            "examples": [as_pair(pair) for pair in chosen_for(name, pairs)],
        }
        for name, (_, peer, settings) in CASES.items()
    }
    models = {"policy": str(folder / "policy"), "reference": str(checkpoint.path)}
    kto = {"trainer": "kto", "settings": {"beta": 0.2, **WEIGHTS}, "examples": unpaired(pairs)}
    cases["kto"] = kto
    cases["kto_turned"] = {**kto, "policy": models["reference"], "reference": models["policy"]}
    job = {
        **models,
        "tokenizer": str(checkpoint.path / "tokenizer.json"),
        "out": str(folder),
        "cases": cases,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = Path(__file__).with_name("trl_losses.py")
    done = subprocess.run([PYTHON, script, folder / "job.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    assert tuple(map(int, told["versions"]["trl"].split(".")[:2])) >= (1, 16)
    return Bench(policy, reference, pairs, told["losses"], folder)


def difference(network: nn.Module, wanted: dict[str, Tensor]) -> float:
    """Return the distance of all gradients from those wanted, as a share of the latter's length."""
    found = {name: one.grad for name, one in network.named_parameters() if one.grad is not None}
    assert found.keys() == wanted.keys()
    away = sum(float((found[name] - wanted[name]).double().square().sum()) for name in wanted)
    length = sum(float(one.double().square().sum()) for one in wanted.values())
    return float((away / length) ** 0.5)


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_are_those_of_trl(bench: Bench, case: str) -> None:
    config = CASES[case][0]
    objective = make(Objective, config)
    examples = chosen_for(case, bench.pairs)
    batch = pad([sequence for example in examples for sequence in example.sequences], pad_id=0)
    with torch.no_grad():
        reference_S = token_logprobs(bench.reference, batch).sums()
    bench.policy.zero_grad()
    sums = objective.loss(replace(token_logprobs(bench.policy, batch), reference_S=reference_S))
    loss = sums.total / sum(map(objective.units, examples))
    if sums.per_token is not None and not case.endswith("odds"):
        loss = loss + sums.per_token / sum(map(objective.tokens, examples))
    loss.backward()
    assert loss.item() == pytest.approx(bench.losses[case], rel=ALIKE)
    assert difference(bench.policy, bench.gradient(case)) <= ALIKE


@pytest.mark.parametrize("case", ["kto", "kto_turned"])
def test_kto_is_that_of_trl(bench: Bench, case: str) -> None:
    """The reference point is 0 where the policy likes the answers less than the reference does, and above 0 turned."""
    rows = unpaired(bench.pairs)
    models = (bench.policy, bench.reference)
    policy, reference = models if case == "kto" else reversed(models)

    def logps(network: nn.Module, key: str) -> Tensor:
        """Return the log-probability of each answer [S] behind its prompt."""
        sequences = [
            Encoded(row["prompt"] + row[key], [False] * len(row["prompt"]) + [True] * len(row[key])) for row in rows
        ]
        return token_logprobs(network, pad(sequences, pad_id=0)).sums()

    with torch.no_grad():
        reference_S = logps(reference, "completion")
        point = (logps(policy, "KL_completion") - logps(reference, "KL_completion")).mean().clamp(min=0)
    policy.zero_grad()
    good_S = torch.tensor([row["label"] for row in rows])
    loss = kto_loss(logps(policy, "completion") - reference_S, good_S, point, beta=0.2, **WEIGHTS).mean()
    loss.backward()
    assert (float(point) > 0) == (case == "kto_turned")
    assert loss.item() == pytest.approx(bench.losses[case], rel=ALIKE)
    assert difference(policy, bench.gradient(case)) <= ALIKE
