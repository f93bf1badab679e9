"""Answers and scores on a machine that is short of memory: cut smaller, all there, each told of once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from tests.inference.test_choices import asked_of
from tests.inference.test_generation import SAMPLING, prompts
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.inference.batches import cut_by_length
from zhiyin.inference.choices import log_probabilities
from zhiyin.inference.engines import Question
from zhiyin.inference.engines.transformers import TransformersSession
from zhiyin.inference.generation import Generator
from zhiyin.inference.sampling import Sampling
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

LACK = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes. Error code 12"


@contextmanager
def room_for(model: PreTrainedModel, rows: int, tokens: int) -> Iterator[list[tuple[int, int]]]:
    """Let the last layer fail for more rows, or more tokens at once; yield the shapes that failed."""
    failed: list[tuple[int, int]] = []

    def fail(layer: object, arguments: Any, out: torch.Tensor) -> None:
        if out.shape[0] > rows or out.shape[0] * out.shape[1] > tokens:
            failed.append((out.shape[0], out.shape[1]))
            raise RuntimeError(LACK)

    handle = model.model.layers[-1].register_forward_hook(fail)
    try:
        yield failed
    finally:
        handle.remove()


def test_choices_are_scored_in_smaller_batches(model: PreTrainedModel, caplog: pytest.LogCaptureFixture) -> None:
    asked = asked_of(model.config.vocab_size, singles=False)
    expected = log_probabilities(model, asked, micro_batch_tokens=10**6)
    told: list[int] = []
    with room_for(model, 10**6, 300) as failed:
        found = log_probabilities(model, asked, micro_batch_tokens=10**6, advance=told.append)
    assert found == pytest.approx(expected, abs=1e-5)
    assert sum(told) == len(asked)
    assert len(failed) == len(caplog.messages) > 0
    assert "in log-probabilities of choices: micro_batch_tokens goes from 1000000 to" in caplog.messages[0]


def test_answers_are_generated_in_smaller_batches(model: PreTrainedModel, caplog: pytest.LogCaptureFixture) -> None:
    """Also when it is the cache of keys and values that no longer fits, in the middle of the answers."""
    generator, requests = Generator(model, (), pad_id=0), prompts(streams=True)
    drawn = Sampling(max_new_tokens=24, temperature=1.0, seed=3)
    for sampling in (SAMPLING, drawn):
        expected = generator.generate(requests, sampling, micro_batch_tokens=10**6)
        told: list[int] = []
        with room_for(model, 3, 150) as failed:
            found = generator.generate(requests, sampling, micro_batch_tokens=10**6, advance=told.append)
        assert found == expected
        assert sum(told) == len(requests)
        assert len(failed) > 0
    assert "in generated answers: micro_batch_tokens goes from 1000000 to" in caplog.messages[0]


def test_a_session_meets_the_lack_once(
    model: PreTrainedModel, encoder: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    session = TransformersSession(model, encoder, 10**6)
    questions = [Question(Prompt(f"q{n}", (Message("user", "中国" * n),)), "") for n in range(1, 9)]
    sampling = Sampling(max_new_tokens=4)
    expected = session.generate(questions, sampling, lambda finished: None)
    with room_for(model, 2, 10**6):
        assert session.generate(questions, sampling, lambda finished: None) == expected
        times = len(caplog.messages)
        assert times > 0
        assert session.generate(questions, sampling, lambda finished: None) == expected
    assert len(caplog.messages) == times


def test_a_single_prompt_that_does_not_fit_says_what_to_do(model: PreTrainedModel) -> None:
    with (
        room_for(model, 10**6, 5),
        pytest.raises(RuntimeError, match=r"a single example of \d+ tokens in generated answers.*lower max_length or"),
    ):
        Generator(model, (), pad_id=0).generate(prompts(), SAMPLING, micro_batch_tokens=10**6)


def test_a_cut_keeps_to_its_tokens_and_counts_padding() -> None:
    lengths = [5, 9, 2, 7, 7, 1]
    parts = cut_by_length(lengths)([1, 2, 3, 5], 18)
    assert [(part.items, part.tokens) for part in parts] == [([1, 3], 18), ([2, 5], 4)]
    weighed = cut_by_length(lengths, [1, 4, 1, 2, 3, 1], 4)([1, 2, 3, 5], 30)
    assert [part.items for part in weighed] == [[1], [3, 2, 5]]
