"""A training that runs short of memory: it takes its step again in smaller parts, and nothing counts twice or is lost.

The lack is injected: from a number of tokens on, a decoder layer fails as torch's allocator does, forward or backward.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.house import House
from tests.training.test_train import losses, weights
from torch import Tensor, nn
from transformers.models.gemma2.modeling_gemma2 import Gemma2DecoderLayer

from zhiyin.artifacts import curve
from zhiyin.chat.encode import Encoded
from zhiyin.execution.runner import run
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.training import step_down
from zhiyin.training import train as training
from zhiyin.training.batches import Batch
from zhiyin.training.examples import Example
from zhiyin.training.layout import Layout
from zhiyin.training.objectives.cross_entropy import CrossEntropy
from zhiyin.training.step_down import remembered, take_step
from zhiyin.training.train import Config, train
from zhiyin.training.work import StepBatch, StepDataset, Work
from zhiyin.weights.budget import Budget

LACK = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes. Error code 12"


class Fault:
    """Makes the last decoder layer fail for rows of more than `limit` tokens, in one of the two passes."""

    def __init__(self, limit: int, where: str, skip: int = 0) -> None:
        self.limit, self.where, self.skip = limit, where, skip
        self.failures = 0
        self.awake = True

    def hit(self, tokens: int) -> None:
        """Fail for a row that is too long, but not for the first `skip` of these."""
        if tokens <= self.limit or not self.awake:
            return
        if self.skip:
            self.skip -= 1
            return
        self.failures += 1
        raise torch.OutOfMemoryError(LACK) if self.failures % 2 else RuntimeError(LACK)

    def around(self, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the layer's forward with the fault in it."""

        def faulty(layer: Any, hidden_BTH: Tensor, *arguments: Any, **named: Any) -> Tensor:
            tokens = hidden_BTH.shape[0] * hidden_BTH.shape[1]
            out = forward(layer, hidden_BTH, *arguments, **named)
            if layer.self_attn.layer_idx != 1:
                return out
            if self.where == "forward":
                self.hit(tokens)
            elif out.requires_grad:
                out.register_hook(lambda grad: self.hit(tokens))
            return out

        return faulty


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fault]:
    """Return what injects a fault; it is asleep while the layout is chosen: the trial there is no part of this."""
    network, work = training._network, training._work

    def start(limit: int, where: str = "forward", skip: int = 0) -> Fault:
        fault = Fault(limit, where, skip)

        def begin(*arguments: Any) -> Any:
            fault.awake = False
            return network(*arguments)

        def chosen(*arguments: Any) -> Work:
            fault.awake = True
            return work(*arguments)

        monkeypatch.setattr(training, "_network", begin)
        monkeypatch.setattr(training, "_work", chosen)
        monkeypatch.setattr(Gemma2DecoderLayer, "forward", fault.around(Gemma2DecoderLayer.forward))
        return fault

    return start


SFT = {
    "objective": "cross_entropy",
    "adapter": {"name": "lora", "rank": 4},
    "learning_rate": 5e-3,
    "batch_size": 4,
    "num_train_epochs": 3,
    "guards": {"probes": 0},
}


def sft(house: House, *, held_out: bool = False, **changes: Any) -> Step[Any]:
    """Return a small training."""
    inputs = {"model": house.gemma, "data": house.chats, **({"held_out": house.chats} if held_out else {})}
    return step(train, Config.model_validate({**SFT, **changes}), inputs)


def dpo(house: House) -> Step[Any]:
    """Return a small training with a reference and a held-out measurement."""
    config = Config.model_validate({**SFT, "objective": {"name": "dpo", "beta": 0.5}})
    return step(train, config, {"model": house.gemma, "data": house.pairs, "held_out": house.pairs})


def made(wanted: Step[Any], store: Path, tokens: int = 8192, **changes: Any) -> Any:
    return run([wanted], Runtime(store=store, device="cpu", micro_batch_tokens=tokens, **changes))[-1]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said about memory."""
    return [record.getMessage() for record in caplog.records if record.name == "zhiyin.weights.budget"]


def reached(caplog: pytest.LogCaptureFixture) -> int:
    """Return the micro-batch that the training came to."""
    return int(re.findall(r"goes from \d+ to (\d+)", told(caplog)[-1])[0])


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_step_taken_again_is_the_step_of_an_undisturbed_run_at_that_budget(
    house: House,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    inject: Callable[..., Fault],
    where: str,
    dropout: float,
) -> None:
    """The first step fails, so every step is cut as in the other run: the same bytes, dropout masks included."""
    wanted = sft(house, adapter={"name": "lora", "rank": 4, "dropout": dropout})
    fault = inject(90, where)
    short = made(wanted, tmp_path / "short")
    assert fault.failures == len(told(caplog)) > 0
    assert "in an optimiser step: micro_batch_tokens goes from 8192 to" in told(caplog)[0]
    fault.limit = 10**6
    undisturbed = made(wanted, tmp_path / "undisturbed", reached(caplog))
    assert short.manifest.results == undisturbed.manifest.results
    assert curve(short) == curve(undisturbed)
    assert short.summary == undisturbed.summary


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_step_that_fails_midway_counts_once(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, inject: Callable[..., Fault], where: str
) -> None:
    """One micro-batch is through, and its gradients and metrics are there, when the second of the third step fails."""
    wanted = sft(house)
    whole = made(wanted, tmp_path / "whole")
    fault = inject(50, where, skip=4)
    short = made(wanted, tmp_path / "short", 60)
    assert fault.failures == len(told(caplog)) == 1
    assert "goes from 60 to 30" in told(caplog)[0]
    for name in ("loss", "grad_norm", "supervised_tokens"):
        assert losses(short, name=name) == pytest.approx(losses(whole, name=name), rel=1e-4, abs=1e-6), name
    # A beginning in common is laid once a row, and shorter rows have fewer in common; nothing is counted twice.
    assert whole.summary["tokens"] <= short.summary["tokens"] <= 3 * sum(len(one.ids) for one in sequences(house))
    for name, tensor in weights(whole).items():
        assert (weights(short)[name] - tensor).abs().max() < 1e-3, name


def sequences(house: House) -> list[Encoded]:
    """Return what the records of the small training are read as."""
    from zhiyin.chat.template import load_encoder

    encoder = load_encoder(house.make(house.gemma).path)
    found = CrossEntropy().examples(house.make(house.chats), encoder, 1024)
    return [sequence for one in found if isinstance(one, Example) for sequence in one.sequences]


def test_reference_and_held_out_measurement_step_down_too(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, inject: Callable[..., Fault]
) -> None:
    wanted = dpo(house)
    whole = made(wanted, tmp_path / "whole")
    fault = inject(120, skip=0)
    short = made(wanted, tmp_path / "short")
    assert fault.failures == len(told(caplog)) > 0
    assert "in reference log-probabilities: micro_batch_tokens goes from 8192" in told(caplog)[0]
    for split in ("train", "held_out"):
        for name in ("loss", "rewards/margins", "rewards/accuracies"):
            found, expected = losses(short, split, name), losses(whole, split, name)
            assert found == pytest.approx(expected, rel=1e-3, abs=1e-4), (split, name)


def test_a_measurement_that_fails_is_made_again_whole(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, inject: Callable[..., Fault]
) -> None:
    wanted = sft(house, held_out=True, num_train_epochs=1)
    whole = made(wanted, tmp_path / "whole")
    # The first row that is too long belongs to the measurement before training; 100 tokens make three rows of it.
    inject(60, skip=1)
    short = made(wanted, tmp_path / "short", 100)
    assert "in the held-out measurement: micro_batch_tokens goes from 100 to" in told(caplog)[0]
    assert losses(short, "held_out") == pytest.approx(losses(whole, "held_out"), rel=1e-4)


def test_an_example_that_does_not_fit_alone_says_what_to_do(
    house: House, tmp_path: Path, inject: Callable[..., Fault]
) -> None:
    inject(20)
    with pytest.raises(
        RuntimeError,
        match=r"memory does not suffice for a single example of \d+ tokens in an optimiser step, at a .*"
        r"micro-batch of \d+ tokens; lower max_length, learn with a smaller rank",
    ):
        made(sft(house), tmp_path)


def test_an_interrupted_training_remembers_what_fits(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, inject: Callable[..., Fault]
) -> None:
    wanted = sft(house)
    fault = inject(90)
    from zhiyin.training.trainer import StepTrainer

    whole, calls = StepTrainer.training_step, 0

    def stopping(*arguments: Any) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return whole(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StepTrainer, "training_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            made(wanted, tmp_path, checkpoint_seconds=1e-6)
    failures, tokens = fault.failures, reached(caplog)
    (file,) = tmp_path.glob(f".partial/*/checkpoints/{step_down.FILE}")
    assert json.loads(file.read_text(encoding="utf-8")) == {"asked": 8192, "tokens": tokens}
    resumed = made(wanted, tmp_path)
    assert fault.failures == failures > 0
    fault.limit = 10**6
    undisturbed = made(wanted, tmp_path / "undisturbed", tokens)
    assert resumed.manifest.results == undisturbed.manifest.results
    assert not list(resumed.path.rglob(step_down.FILE))


def test_a_lower_number_is_remembered_until_another_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    budget = remembered(folder, 1000)
    assert budget.tokens == 1000
    budget.lower(3, 800, "an optimiser step")
    assert remembered(folder, 1000).tokens == budget.tokens == 400
    assert remembered(folder, 500).tokens == 500
    assert remembered(folder, 2000).tokens == 2000


def prepared(count: int, tokens: int, budget: Budget) -> tuple[Work, StepBatch]:
    """Return a step of examples of growing length."""
    examples = [Example(f"e{n}", (Encoded([1, *range(3, 6 + n)], [False, *[True] * (3 + n)]),)) for n in range(count)]
    work = Work(CrossEntropy(), examples, {}, Layout(tokens, 0), budget)
    return work, StepDataset(work, [range(count)], 0, 1)[0]


class Toy(nn.Module):
    """One weight, whose gradient is the number of tokens, weighted at random: as dropout draws."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))


def taken(tokens: int, limit: int, *, inside: bool) -> tuple[Tensor, list[float], Budget]:
    """Take one step; rows above `limit` tokens fail, after their backward pass or before it."""
    budget, model = Budget(10**6), Toy()
    work, batch = prepared(6, tokens, budget)

    def compute(one: Batch, last: bool, counts: bool) -> float:
        size, drawn = one.input_ids_BT.numel(), torch.rand(())
        if inside:
            (model.weight * size * drawn).backward()
        if size > limit:
            raise MemoryError
        if not inside:
            (model.weight * size * drawn).backward()
        assert counts
        assert last == (one is work.recut(batch).micro[-1] or size == sizes(work, batch)[-1])
        return float(size * drawn)

    torch.manual_seed(3)
    _, parts = take_step(batch, compute, work=work, model=model, doing="a step")
    assert model.weight.grad is not None
    return model.weight.grad, parts, budget


def sizes(work: Work, batch: StepBatch) -> list[int]:
    return [one.input_ids_BT.numel() for one in work.recut(batch).micro]


@pytest.mark.parametrize("inside", [True, False])
def test_gradients_and_random_numbers_of_a_failed_attempt_are_gone(inside: bool) -> None:
    found, parts, budget = taken(10**6, 12, inside=inside)
    expected, others, undisturbed = taken(budget.tokens, 10**6, inside=inside)
    assert undisturbed.tokens == 10**6
    assert torch.equal(found, expected)
    assert parts == others
    assert float(found) == pytest.approx(sum(parts))


def test_one_of_several_processes_ends_and_leaves_the_lower_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = remembered(tmp_path, 1000)
    work, batch = prepared(4, 1000, budget)

    def fail(one: Batch, last: bool, counts: bool) -> None:
        raise MemoryError

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with pytest.raises(RuntimeError, match=r"one of several processes ran out of memory.* with \d+ tokens"):
        take_step(batch, fail, work=work, model=Toy(), doing="a step")
    size = batch.micro[0].input_ids_BT.numel()
    assert remembered(tmp_path, 1000).tokens == size // 2


def test_a_step_laid_out_before_the_budget_fell_is_cut_anew() -> None:
    budget = Budget(10**6)
    work, batch = prepared(6, 1000, budget)
    assert len(batch.micro) == 1
    assert work.recut(batch) is batch
    budget.tokens = 10
    again = work.recut(batch)
    assert [group for part in again.held for group in part] == batch.held[0]
    assert max(one.input_ids_BT.numel() for one, group in zip(again.micro, again.held, strict=True) if group[1:]) <= 10
    assert sum(one.input_ids_BT.numel() for one in again.micro) >= batch.micro[0].input_ids_BT.numel()
    assert work.recut(again) is again
