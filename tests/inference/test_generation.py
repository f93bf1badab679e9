"""Batched generation against a hand-written loop that takes the argmax of full logits, one prompt at a time."""

import random

import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.inference.generation import Generator, Request
from zhiyin.inference.sampling import Sampling

SAMPLING = Sampling(max_new_tokens=24)


def prompts(count: int = 12, *, streams: bool = False) -> list[Request]:
    """Prompts of 2 to 40 tokens; Gemma's window is 16."""
    source = random.Random(11)
    return [
        Request(tuple(source.randrange(6, 300) for _ in range(source.randint(2, 40))), str(number) if streams else "")
        for number in range(count)
    ]


def twin(model: PreTrainedModel, request: Request, stop_ids: tuple[int, ...], limit: int) -> tuple[int, ...]:
    ids, answer = list(request.ids), []
    for _ in range(limit):
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        answer.append(token)
        ids.append(token)
        if token in stop_ids:
            break
    return tuple(answer)


def common(model: PreTrainedModel) -> tuple[int, ...]:
    """Return two ids that the model often says, so that answers stop at both, at various lengths."""
    said = [token for request in prompts() for token in twin(model, request, (), 8)[2:]]
    return tuple(sorted(set(said), key=said.count)[-2:])


@pytest.mark.parametrize("micro_batch_tokens", [1, 200, 10**6])
def test_greedy_equals_the_plain_loop(model: PreTrainedModel, micro_batch_tokens: int) -> None:
    stop_ids = common(model)
    found = Generator(model, stop_ids, pad_id=0).generate(prompts(), SAMPLING, micro_batch_tokens=micro_batch_tokens)
    assert found == [twin(model, request, stop_ids, 24) for request in prompts()]
    assert set(stop_ids) <= {answer[-1] for answer in found}
    assert len(set(map(len, found))) > 3
    assert len({token for answer in found for token in answer}) > 20


def test_without_stop_ids_every_answer_has_full_length(model: PreTrainedModel) -> None:
    found = Generator(model, (), pad_id=0).generate(prompts(4), SAMPLING, micro_batch_tokens=10**6)
    assert [len(answer) for answer in found] == [24] * 4


def test_each_stop_id_stops(model: PreTrainedModel) -> None:
    first, second = common(model)
    for stop_ids in ((first,), (second,), (first, second)):
        for answer in Generator(model, stop_ids, pad_id=0).generate(prompts(), SAMPLING, micro_batch_tokens=10**6):
            assert not set(answer[:-1]) & set(stop_ids)
            assert len(answer) == 24 or answer[-1] in stop_ids


def test_a_pad_id_that_is_also_a_stop_id(model: PreTrainedModel) -> None:
    stop_ids = common(model)
    apart = Generator(model, stop_ids, pad_id=0).generate(prompts(), SAMPLING, micro_batch_tokens=10**6)
    shared = Generator(model, stop_ids, pad_id=stop_ids[0]).generate(prompts(), SAMPLING, micro_batch_tokens=10**6)
    assert shared == apart


def test_settings_of_the_checkpoint_are_not_used(gemma2: PreTrainedModel) -> None:
    generator = Generator(gemma2, (), pad_id=0)
    expected = generator.generate(prompts(4), SAMPLING, micro_batch_tokens=10**6)
    gemma2.generation_config = GenerationConfig(
        repetition_penalty=5.0, no_repeat_ngram_size=1, min_new_tokens=3, do_sample=True, top_k=3, eos_token_id=[7]
    )
    assert generator.generate(prompts(4), SAMPLING, micro_batch_tokens=10**6) == expected


DRAWN = Sampling(max_new_tokens=12, temperature=0.8, top_p=0.9, seed=3)


def test_drawn_answers_do_not_depend_on_the_batch(model: PreTrainedModel) -> None:
    generator = Generator(model, (1,), pad_id=0)
    requests = prompts(streams=True)
    together = generator.generate(requests, DRAWN, micro_batch_tokens=10**6)
    assert generator.generate(requests, DRAWN, micro_batch_tokens=1) == together
    assert generator.generate(requests[::-1], DRAWN, micro_batch_tokens=150) == together[::-1]


def test_drawn_answers_follow_stream_and_seed(gemma2: PreTrainedModel) -> None:
    generator = Generator(gemma2, (), pad_id=0)
    same_prompt = [Request(prompts()[0].ids, stream) for stream in "abca"]
    found = generator.generate(same_prompt, DRAWN, micro_batch_tokens=10**6)
    assert len(set(found)) == 3
    assert found[0] == found[3]
    reseeded = Sampling(max_new_tokens=12, temperature=0.8, top_p=0.9, seed=4)
    assert generator.generate(same_prompt[:1], reseeded, micro_batch_tokens=10**6)[0] != found[0]


@pytest.mark.parametrize("sampling", [SAMPLING, DRAWN])
def test_streaming_gives_the_same_tokens(model: PreTrainedModel, sampling: Sampling) -> None:
    generator = Generator(model, common(model), pad_id=0)
    requests = prompts(streams=True)
    together = generator.generate(requests, sampling, micro_batch_tokens=10**6)
    assert [tuple(generator.stream(request, sampling)) for request in requests] == together


def test_streaming_leaves_no_inference_mode_behind(gemma2: PreTrainedModel, encoder: Encoder) -> None:
    stream = Generator(gemma2, (), encoder.pad_id).stream(prompts(1)[0], SAMPLING)
    next(stream)
    assert not torch.is_inference_mode_enabled()


def test_tells_how_many_are_finished(gemma2: PreTrainedModel) -> None:
    told: list[int] = []
    Generator(gemma2, (), pad_id=0).generate(prompts(), SAMPLING, micro_batch_tokens=200, advance=told.append)
    assert len(told) > 2
    assert sum(told) == 12
