"""AdaLoRA: the budget, the choice of ranks, the penalty, and a resume in every phase, each against a slow twin."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.house import House
from torch import Tensor

from zhiyin.artifacts import curve
from zhiyin.execution.artifact import Artifact
from zhiyin.execution.catalog import make
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.training import checkpoints
from zhiyin.training.adapters import Method
from zhiyin.training.adapters.adalora import Adalora
from zhiyin.training.train import Config, train
from zhiyin.weights.load import load_model

STEPS, TINIT, TFINAL, EVERY = 24, 4, 8, 3
MATRICES = 14
ADALORA: dict[str, Any] = {"name": "adalora", "init_r": 6, "target_r": 2, "tinit": TINIT, "tfinal": TFINAL}
SFT: dict[str, Any] = {"objective": "cross_entropy", "learning_rate": 5e-3, "batch_size": 4, "num_train_epochs": 12}


def adalora(house: House, adapter: dict[str, Any] | None = None, **changes: Any) -> Step[Any]:
    """Return a training of 24 steps: 4 with all ranks, 12 in which they fall from 6 to 2, 8 with the final ones."""
    settings = {**SFT, "adapter": {**ADALORA, "deltaT": EVERY, **(adapter or {})}, **changes}
    inputs = {"model": house.gemma, "data": house.chats, "held_out": house.chats}
    return step(train, Config.model_validate(settings), inputs)


def wrapped(house: House, steps: int = STEPS, **changes: Any) -> Any:
    """Return a small model with a new AdaLoRA on it, and its method."""
    method = make(Method, {**ADALORA, **changes})
    torch.manual_seed(0)
    return method.wrap(load_model(house.make(house.gemma), device="cpu"), (4, 5), steps=steps), method


Parts = dict[str, tuple[Tensor, Tensor, Tensor]]
"""The name of a matrix to its A [R, in], E [R, 1] and B [out, R]."""


def parts(model: Any, of: Callable[[Tensor], Tensor | None] = lambda weight: weight.detach()) -> Parts:
    """Return copies of A, E and B of every matrix, or of something that hangs on them."""
    found: Parts = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_E"):
            three = (of(getattr(module, part)["default"]) for part in ("lora_A", "lora_E", "lora_B"))
            found[name] = tuple(tensor.double().clone() for tensor in three)  # type: ignore[assignment,union-attr]
    return found


@dataclass
class Watched:
    """What stood before and after every `after_step` of a training."""

    before: list[Parts] = field(default_factory=list)
    grads: list[Parts] = field(default_factory=list)
    after: list[Parts] = field(default_factory=list)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watch the trainings of this test."""
    found = Watched()
    own = Adalora.after_step

    def watching(self: Adalora, model: Any, number: int) -> None:
        found.before.append(parts(model))
        found.grads.append(parts(model, lambda weight: weight.grad))
        own(self, model, number)
        found.after.append(parts(model))

    monkeypatch.setattr(Adalora, "after_step", watching)
    return found


def budget(number: int) -> int:
    """The paper's cubic, by hand: from 14 * 6 ranks to 14 * 2."""
    if number <= TINIT:
        return 84
    if number >= STEPS - TFINAL:
        return 28
    left = 1 - (number - TINIT) / (STEPS - TFINAL - TINIT)
    return math.floor(28 + (84 - 28) * left**3)


def test_the_budget_by_hand_is_what_it_should_be() -> None:
    assert [budget(number) for number in (1, 4, 5, 10, 15, 16, 24)] == [84, 84, 71, 35, 28, 28, 28]


@pytest.mark.parametrize("every", [1, EVERY])
def test_at_every_step_as_many_ranks_are_left_as_the_cubic_allows(house: House, watched: Watched, every: int) -> None:
    run([adalora(house, {"deltaT": every})], Runtime(store=house.runtime.store / f"every{every}", device="cpu"))
    assert len(watched.after) == STEPS
    for number, now in enumerate(watched.after, start=1):
        chosen = TINIT < number < STEPS - TFINAL and number % every == 0
        left = sum(int((values != 0).sum()) for _, values, _ in now.values())
        if chosen or number >= STEPS - TFINAL:
            assert left == budget(number), number
        elif number > 1:  # the first step has a learning rate of 0, so every singular value is still 0
            assert left == 84, number
    assert {int((values != 0).sum()) for _, values, _ in watched.after[-1].values()} != {2}


def slow_choice(watched: Watched) -> list[set[tuple[str, int]] | None]:
    """Section 3 of the paper, one triplet at a time: which (matrix, rank) are kept after each step; None for all.

    Importance is |w g|; it and its distance from its average are averaged (equations 8 to 10), the product of the
    averages is a weight's score, and a triplet's is that of E plus the means over its row of A and column of B.
    """
    average: dict[tuple[str, int], Tensor] = {}
    spread: dict[tuple[str, int], Tensor] = {}
    choices: list[set[tuple[str, int]] | None] = []
    for number, (weights, grads) in enumerate(zip(watched.before, watched.grads, strict=True), start=1):
        if number < STEPS - TFINAL:
            for name, three in weights.items():
                for part, (weight, grad) in enumerate(zip(three, grads[name], strict=True)):
                    key, now = (name, part), (weight * grad).abs()
                    average[key] = 0.85 * average.get(key, 0 * now) + 0.15 * now
                    spread[key] = 0.85 * spread.get(key, 0 * now) + 0.15 * (now - average[key]).abs()
        scores: dict[tuple[str, int], float] = {}
        for name in weights:
            a, e, b = (average[name, part] * spread[name, part] for part in range(3))
            for rank in range(len(e)):
                scores[name, rank] = float(e[rank, 0]) + float(a[rank].mean()) + float(b[:, rank].mean())
        best = sorted(scores, key=lambda one: -scores[one])
        if number > STEPS - TFINAL:
            choices.append(choices[-1])
        elif number == STEPS - TFINAL or (number > TINIT and number % EVERY == 0):
            choices.append(set(best[: budget(number)]))
        else:
            choices.append(None)
    return choices


def test_the_ranks_kept_are_those_of_the_papers_algorithm(house: House, watched: Watched, tmp_path: Path) -> None:
    (*_, adapter) = run([adalora(house)], Runtime(store=tmp_path, device="cpu"))
    choices = slow_choice(watched)
    assert sum(choice is not None for choice in choices) == 4 + 1 + TFINAL
    for before, after, choice in zip(watched.before, watched.after, choices, strict=True):
        for name, (a, e, b) in after.items():
            kept = torch.tensor([[choice is None or (name, rank) in choice] for rank in range(len(e))])
            torch.testing.assert_close(e, torch.where(kept, before[name][1], 0.0), rtol=0, atol=0)
            assert torch.equal(a, before[name][0])
            assert torch.equal(b, before[name][2])
    last = choices[-1]
    assert last is not None
    by_hand = {name: sum(matrix == name for matrix, _ in last) for name in watched.after[-1]}
    assert {f"base_model.model.{name}": rank for name, rank in adapter.summary["ranks"].items()} == by_hand
    assert json.loads((adapter.path / "ranks.json").read_text(encoding="utf-8")) == adapter.summary["ranks"]
    assert sum(by_hand.values()) == 28
    assert (adapter.summary["tinit"], adapter.summary["tfinal"]) == (TINIT, TFINAL)


def test_a_rank_that_was_taken_away_can_come_back_before_the_last_phase(house: House, watched: Watched) -> None:
    run([adalora(house, {"deltaT": 2})], Runtime(store=house.runtime.store / "back", device="cpu"))
    masked = watched.after[5]
    later = watched.before[6]
    gone = {name: values == 0 for name, (_, values, _) in masked.items()}
    assert sum(int(rows.sum()) for rows in gone.values()) == 84 - budget(6)
    assert all((later[name][1][rows] != 0).all() for name, rows in gone.items())


@pytest.mark.parametrize(
    "cut", [5, 13, 17, *(pytest.param(cut, marks=pytest.mark.slow) for cut in (2, 6, 9, 15, 16, 20))]
)
def test_cut_in_any_phase_it_goes_on_to_the_same_bytes(
    house: House, tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 is in the first phase, 5 to 15 in the second (3 of them a choice), 16 fixes the ranks, 17 and 20 come after."""
    undisturbed = house.make(adalora(house))
    finish, count = checkpoints.finish, 0

    def cutting(*given: Any) -> None:
        nonlocal count
        finish(*given)
        count += 1
        if count == cut:
            raise InterruptedError("cut")

    runtime = Runtime(store=tmp_path, device="cpu", checkpoint_seconds=1e-6)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "finish", cutting)
        with pytest.raises(InterruptedError, match="cut"):
            run([adalora(house)], runtime)
    (saved,) = (tmp_path / ".partial").glob("train-*/checkpoints/step-*")
    assert saved.name == f"step-{cut:08d}"
    # A checkpoint holds the factors whole, also the ranks that are taken away at the moment.
    factors = [tensor for name, tensor in load_file(saved / "weights.safetensors").items() if "lora_E" in name]
    assert {len(tensor) for tensor in factors} == {6}
    (*_, resumed) = run([adalora(house)], Runtime(store=tmp_path, device="cpu"))
    assert resumed.manifest.results == undisturbed.manifest.results
    assert {"adapter_model.safetensors", "ranks.json", "curve.jsonl"} <= resumed.manifest.results.keys()
    assert resumed.summary["ranks"] == undisturbed.summary["ranks"]


@pytest.mark.parametrize("number", [2, 7, 16, 17])
def test_what_a_checkpoint_holds_of_it_is_enough_for_the_next_step(house: House, number: int) -> None:
    """One model takes every step, another one the state after step `number`, and both take the next: no bit differs."""

    def advance(model: Any, method: Any, step_number: int) -> dict[str, Tensor]:
        for place, (name, weight) in enumerate(model.named_parameters()):
            if "lora_" in name:
                seeded = torch.Generator().manual_seed(1000 * step_number + place)
                weight.grad = torch.randn(weight.shape, generator=seeded)
                weight.data.sub_(0.01 * weight.grad)
        method.after_step(model, step_number)
        found: dict[str, Tensor] = {name: tensor.clone() for name, tensor in method.state(model).items()}
        return found

    (going, method), (resumed, other) = (wrapped(house, deltaT=EVERY) for _ in range(2))
    for past in range(1, number + 1):
        state = advance(going, method, past)
    resumed.load_state_dict(going.state_dict())
    other.load_state(resumed, state)
    for following in range(number + 1, STEPS + 1):
        mine, theirs = advance(resumed, other, following), advance(going, method, following)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items()), following
        pairs = zip(parts(resumed).values(), parts(going).values(), strict=True)
        assert all(torch.equal(one, another) for three in pairs for one, another in zip(*three, strict=True))
    assert other.summary(resumed) == method.summary(going)
    assert sum(other.summary(resumed)["ranks"].values()) == 28


def test_the_averages_move_as_their_betas_say(house: House) -> None:
    """Equations 9 and 10 by hand for one matrix: the average of |w g|, and that of its distance from the former."""
    model, method = wrapped(house, betas=[0.7, 0.95])
    name = "model.layers.1.mlp.up_proj.lora_A.default"
    weight = dict(model.named_parameters())[f"base_model.model.{name}"]
    average, spread = torch.zeros_like(weight), torch.zeros_like(weight)
    for number in range(1, 4):
        for each in model.parameters():
            if each.requires_grad:
                each.grad = torch.randn(each.shape, generator=torch.Generator().manual_seed(number))
        method.after_step(model, number)
        assert weight.grad is not None
        now = (weight * weight.grad).abs().detach()
        average = 0.7 * average + 0.3 * now
        spread = 0.95 * spread + 0.05 * (now - average).abs()
    torch.testing.assert_close(method.state(model)[f"importance:{name}"], average)
    torch.testing.assert_close(method.state(model)[f"uncertainty:{name}"], spread)


def test_the_penalty_is_what_peft_adds_to_a_loss(house: House) -> None:
    """PEFT adds it inside forward when labels are given; what it adds to the cross-entropy is the penalty."""
    model, method = wrapped(house, orth_reg_weight=0.7)
    with torch.no_grad():
        for _, (a, e, b) in parts(model, lambda weight: weight).items():
            assert a.shape[0] == e.shape[0] == b.shape[1] == 6
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_()
        ids = torch.arange(6, 26)[None]
        output = model(input_ids=ids, labels=ids)
        plain = torch.nn.functional.cross_entropy(output.logits[0, :-1], ids[0, 1:])
    penalty = method.penalty(model)
    assert float(penalty.detach()) > 1
    torch.testing.assert_close(penalty.detach(), output.loss - plain, rtol=1e-5, atol=1e-5)
    assert wrapped(house, orth_reg_weight=0)[1].penalty(model) is None


@pytest.mark.parametrize("micro_batch_tokens", [1, 8192])
def test_a_step_has_the_gradient_of_loss_plus_one_penalty(
    house: House, watched: Watched, tmp_path: Path, micro_batch_tokens: int
) -> None:
    """However many micro-batches there are; the naive twin computes each conversation alone, with all logits."""
    one = adalora(
        house,
        {"orth_reg_weight": 3.0},
        batch_size=7,
        num_train_epochs=24,
        max_grad_norm=0,
        lr_scheduler_type="constant",
    )
    runtime = Runtime(store=tmp_path, device="cpu", micro_batch_tokens=micro_batch_tokens)
    (*_, adapter) = run([one], runtime)
    method = one.config.adapter  # type: ignore[attr-defined]
    torch.manual_seed(42)
    base = load_model(house.make(house.gemma), device="cpu")
    model: Any = method.wrap(base, (), steps=STEPS)
    with torch.no_grad():
        for name, (a, e, b) in parts(model, lambda weight: weight).items():
            for mine, theirs in zip((a, e, b), watched.before[0][name], strict=True):
                torch.testing.assert_close(mine, theirs, rtol=0, atol=6e-3)  # but for one step of the optimiser
        for name, module in model.named_modules():
            if hasattr(module, "lora_E"):
                for part, value in zip(("lora_A", "lora_E", "lora_B"), watched.after[0][name], strict=True):
                    getattr(module, part)["default"].copy_(value)
    loss = mean_loss(house, model)
    (loss + method.penalty(model)).backward()
    grads = parts(model, lambda weight: weight.grad)
    for name, three in watched.grads[1].items():
        for ours, theirs in zip(grads[name], three, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    train_losses = [point.values["loss"] for point in curve(adapter) if point.split == "train"]
    assert train_losses[1] == pytest.approx(float(loss.detach()), rel=1e-5)


def mean_loss(house: House, model: Any) -> Tensor:
    """Return the mean cross-entropy of every supervised token of the chats, one chat at a time."""
    from zhiyin.chat.template import load_encoder

    encoder = load_encoder(house.make(house.gemma).path)
    total, tokens = torch.zeros(()), 0
    for record in house.make(house.chats):
        one = encoder.conversation(record.messages)
        logits = model(input_ids=torch.tensor([one.ids])).logits[0]
        for place in range(1, len(one.ids)):
            if one.mask[place]:
                total = total - torch.log_softmax(logits[place - 1], -1)[one.ids[place]]
                tokens += 1
    return total / tokens


def held_out(artifact: Artifact) -> list[float]:
    """Return the held-out losses."""
    return [point.values["loss"] for point in curve(artifact) if point.split == "held_out"]


def test_a_held_out_loss_is_without_the_penalty(house: House) -> None:
    """A step of nothing leaves the model as it was, so every held-out loss is that of the base."""
    heavy = house.make(adalora(house, {"orth_reg_weight": 1000.0}, learning_rate=0.0))
    base = load_model(house.make(house.gemma), device="cpu")
    with torch.no_grad():
        assert held_out(heavy) == pytest.approx([float(mean_loss(house, base))] * 6, rel=1e-5)


def test_it_learns_and_the_penalty_keeps_factors_near_orthonormal(house: House) -> None:
    def distance(artifact: Artifact) -> float:
        model = load_model(artifact, device="cpu")  # type: ignore[arg-type]
        rows = [a for a, _, _ in parts(model).values() if len(a)]
        return float(torch.stack([(a @ a.T - torch.eye(len(a))).norm() / len(a) ** 0.5 for a in rows]).mean())

    free, kept = (house.make(adalora(house, {"orth_reg_weight": weight}, learning_rate=2e-2)) for weight in (0.0, 2.0))
    assert held_out(kept)[-1] < held_out(kept)[0] - 0.1
    assert distance(kept) < 0.7 * distance(free)


def test_the_length_of_the_schedule_is_the_real_number_of_steps(house: House) -> None:
    model, _ = wrapped(house, steps=31)
    config = model.peft_config["default"]
    assert (config.total_step, config.tinit, config.tfinal) == (31, TINIT, TFINAL)
    assert (config.init_r, config.target_r) == (6, 2)
    for refused in ({"total_step": 31}, {"betas": [0.85, 1.0]}, {"betas": [0.0, 0.85]}):
        with pytest.raises(ValueError, match=r"total_step|betas\.[01]"):
            make(Method, {**ADALORA, **refused})


def test_it_can_learn_the_control_tokens_too(house: House) -> None:
    model, method = wrapped(house, control_tokens=True)
    tokens = [weight for name, weight in model.named_parameters() if weight.requires_grad and "lora_" not in name]
    assert [tuple(weight.shape) for weight in tokens] == [(2, 32)]
    (model(input_ids=torch.arange(6, 26)[None]).logits.sum() + method.penalty(model)).backward()
    method.after_step(model, 1)
    assert all("lora_" in name for name in method.state(model))


def test_under_bfloat16_factors_and_averages_stay_float32(house: House) -> None:
    network = load_model(house.make(house.gemma), device="cpu", dtype="bfloat16")
    method = make(Method, ADALORA)
    model: Any = method.wrap(network, (), steps=STEPS)
    assert {weight.dtype for weight in model.parameters() if weight.requires_grad} == {torch.float32}
    model(input_ids=torch.arange(6, 26)[None]).logits.float().square().mean().backward()
    method.after_step(model, 1)
    state = method.state(model)
    assert len(state) == 2 * 3 * MATRICES
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize("parallelism", ["ddp", "fsdp2"])
def test_two_processes_choose_the_same_ranks_as_one(house: House, tmp_path: Path, parallelism: Any) -> None:
    """Every process sees the gradient of the whole step, so all of them choose alike."""
    one = house.make(adalora(house))
    runtime = Runtime(store=tmp_path, device="cpu", num_processes=2, parallelism=parallelism)
    (*_, two) = run([adalora(house)], runtime)
    assert two.summary["ranks"] == one.summary["ranks"]
    assert held_out(two) == pytest.approx(held_out(one), rel=1e-3)
