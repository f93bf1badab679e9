"""The engine `transformers` beyond the contract of its family: adapters, progress, and silence."""

from copy import deepcopy
from typing import Any, cast

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.inference.engines import Question
from zhiyin.inference.engines.transformers import TransformersSession
from zhiyin.inference.sampling import Sampling
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

GREEDY = Sampling(max_new_tokens=12)
TEXTS = ("春眠不觉晓", "处处闻啼鸟。夜来风雨声", "花")
QUESTIONS = [Question(Prompt(text, messages=(Message("user", text),)), text) for text in TEXTS]
SCORED = [Prompt(text, messages=(Message("user", text),), choices=("多少", "花落知多少", "A")) for text in TEXTS]


def ignore(finished: int) -> None:
    pass


def test_an_adapter_answers_as_its_merged_model(gemma2: PreTrainedModel, encoder: Encoder) -> None:
    adapted: Any = get_peft_model(deepcopy(gemma2), LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=noise) * 0.2)
    adapted.eval()
    merged = cast("PreTrainedModel", deepcopy(adapted).merge_and_unload())
    session, whole, bare = (TransformersSession(model, encoder, 512) for model in (adapted, merged, gemma2))
    assert session.generate(QUESTIONS, GREEDY, ignore) == whole.generate(QUESTIONS, GREEDY, ignore)
    assert session.generate(QUESTIONS, GREEDY, ignore) != bare.generate(QUESTIONS, GREEDY, ignore)
    for one, other in zip(session.score(SCORED, ignore), whole.score(SCORED, ignore), strict=True):
        assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=1e-4)


def test_of_a_long_prompt_the_end_is_read(gemma2: PreTrainedModel, encoder: Encoder) -> None:
    read: list[list[int]] = []
    handle = gemma2.register_forward_pre_hook(
        lambda module, arguments, named: read.append(named["input_ids"][0].tolist()), with_kwargs=True
    )
    prompt = Prompt("long", messages=(Message("user", "".join(map(str, range(80)))),))
    session = TransformersSession(gemma2, encoder, 512)
    (generated,) = session.generate([Question(prompt, "")], GREEDY, ignore)
    handle.remove()
    assert read[0] == encoder.prompt(prompt.messages)[-(96 - 12) :]
    assert generated.truncated
    assert generated.prompt_tokens == 96 - 12


def test_progress_counts_prompts_not_choices(gemma2: PreTrainedModel, encoder: Encoder) -> None:
    told: list[int] = []
    TransformersSession(gemma2, encoder, 1).score(SCORED, told.append)
    assert len(told) == 9
    assert sum(told) == 3
    assert max(told) == 1


def test_says_nothing(gemma2: PreTrainedModel, encoder: Encoder, capfd: pytest.CaptureFixture[str]) -> None:
    session = TransformersSession(gemma2, encoder, 512)
    session.generate(QUESTIONS, GREEDY, ignore)
    session.generate(QUESTIONS, Sampling(max_new_tokens=4, temperature=0.7, top_p=0.9), ignore)
    session.score(SCORED, ignore)
    list(session.stream(QUESTIONS[0], GREEDY))
    assert capfd.readouterr() == ("", "")


def test_a_chat_may_ask_for_more_tokens_than_the_model_takes(gemma2: PreTrainedModel, encoder: Encoder) -> None:
    session = TransformersSession(gemma2, encoder, 512)
    stream = session.stream(QUESTIONS[1], Sampling(max_new_tokens=10_000))
    said: list[str] = []
    while True:
        try:
            said.append(next(stream))
        except StopIteration as end:
            completion: Completion = end.value
            break
    assert completion.text == "".join(said)
    assert 0 < completion.tokens <= 96 // 2
    assert not completion.truncated
