"""The batched scorer against a plain loop: one sequence at a time, all logits, no batch."""

import random
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from transformers import PreTrainedModel

from zhiyin.inference import choices
from zhiyin.inference.choices import log_probabilities
from zhiyin.inference.encoding import Continuation


def twin(model: PreTrainedModel, one: Continuation) -> float:
    with torch.inference_mode():
        logits_TV = model(input_ids=torch.tensor([one.context + one.tokens])).logits[0].float()
    total = 0.0
    for offset, token in enumerate(one.tokens):
        row_V = torch.log_softmax(logits_TV[len(one.context) + offset - 1], dim=-1)
        total += float(row_V[token])
    return total


def asked_of(vocabulary: int, *, singles: bool) -> list[Continuation]:
    """40 contexts of 3 to 60 tokens (Gemma's window is 16), four choices each."""
    source = random.Random(3)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(source.randrange(vocabulary) for _ in range(count))

    asked = []
    for _ in range(40):
        context = draw(source.randint(3, 60))
        firsts = source.sample(range(vocabulary), 4)
        asked += [Continuation(context, (first, *draw(0 if singles else source.randint(0, 8)))) for first in firsts]
    return asked


class RowCounter:
    """Notes the shape of every forward pass."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.shapes: list[tuple[int, int]] = []
        self._handle = model.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, module: object, arguments: object, named: dict[str, torch.Tensor]) -> None:
        rows, width = named["input_ids"].shape
        self.shapes.append((rows, width))

    def __enter__(self) -> "RowCounter":
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()


@pytest.mark.parametrize("singles", [True, False])
def test_equals_the_plain_loop(model: PreTrainedModel, singles: bool) -> None:
    asked = asked_of(model.config.vocab_size, singles=singles)
    found = log_probabilities(model, asked, micro_batch_tokens=512)
    expected = [twin(model, one) for one in asked]
    assert found == pytest.approx(expected, abs=2e-5)
    # The choices differ by far more than the tolerance, so a mix-up of rows or positions could not pass.
    assert min(abs(a - b) for a, b in pairwise(expected)) > 2e-4


def test_does_not_depend_on_the_batch(model: PreTrainedModel) -> None:
    asked = asked_of(model.config.vocab_size, singles=False)
    first, *others = [log_probabilities(model, asked, micro_batch_tokens=limit) for limit in (1, 100, 700, 10**6)]
    for other in others:
        assert other == pytest.approx(first, abs=1e-5)


def test_single_token_choices_share_one_row(model: PreTrainedModel) -> None:
    asked = asked_of(model.config.vocab_size, singles=True)
    with RowCounter(model) as counter:
        shared = log_probabilities(model, asked, micro_batch_tokens=10**6)
    assert sum(rows for rows, _ in counter.shapes) == 40
    assert shared == pytest.approx(alone(model, asked), abs=1e-5)


def alone(model: PreTrainedModel, asked: Sequence[Continuation]) -> list[float]:
    return [log_probabilities(model, [one], micro_batch_tokens=1)[0] for one in asked]


def test_batches_keep_to_the_padded_tokens(model: PreTrainedModel) -> None:
    asked = asked_of(model.config.vocab_size, singles=False)
    with RowCounter(model) as counter:
        log_probabilities(model, asked, micro_batch_tokens=300)
    assert len(counter.shapes) > 5
    assert all(rows * width <= 300 for rows, width in counter.shapes)


def test_logits_held_at_once_are_limited(gemma2: PreTrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of(gemma2.config.vocab_size, singles=False)
    expected = log_probabilities(gemma2, asked, micro_batch_tokens=10**6)
    monkeypatch.setattr(choices, "LOGITS", 20 * gemma2.config.vocab_size)
    held: list[int] = []
    handle = gemma2.get_output_embeddings().register_forward_hook(lambda *call: held.append(call[2].shape[0]))
    found = log_probabilities(gemma2, asked, micro_batch_tokens=10**6)
    handle.remove()
    assert max(held) <= 20
    assert sum(held) == len({(one.inputs, place) for one in asked for place in range(len(one.tokens))})
    assert found == pytest.approx(expected, abs=1e-5)


def test_bfloat16_logits_are_not_rounded(model: PreTrainedModel) -> None:
    asked = asked_of(model.config.vocab_size, singles=True)[:40]
    half = deepcopy(model).bfloat16()
    found = log_probabilities(half, asked, micro_batch_tokens=1)
    expected = []
    for one in asked:
        with torch.no_grad():
            hidden_H = half.get_decoder()(input_ids=torch.tensor([one.context])).last_hidden_state[0, -1].float()
            logits_V = hidden_H @ half.get_output_embeddings().weight.float().T
            if cap := getattr(half.config, "final_logit_softcapping", None):
                logits_V = cap * torch.tanh(logits_V / cap)
            expected.append(float(torch.log_softmax(logits_V, -1)[one.tokens[0]]))
    assert found == pytest.approx(expected, abs=2e-5)


def test_tells_how_many_are_finished(gemma2: PreTrainedModel) -> None:
    asked = asked_of(gemma2.config.vocab_size, singles=False)
    told: list[int] = []
    log_probabilities(gemma2, asked, micro_batch_tokens=300, advance=told.append)
    assert len(told) > 5
    assert sum(told) == len(asked) == 160


@pytest.mark.parametrize("one", [Continuation((), (3,)), Continuation((3,), ())])
def test_refuses_what_cannot_be_scored(gemma2: PreTrainedModel, one: Continuation) -> None:
    with pytest.raises(ValueError, match="empty context or no tokens"):
        log_probabilities(gemma2, [one], micro_batch_tokens=10)
