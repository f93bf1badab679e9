"""Choices scored by a server's likeliest tokens: the same numbers as the model's own, or an error that says why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.inference.test_openai import opened
from tests.inference.unruly import Body, Unruly, asked, listening
from transformers import PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.encoding import question_ids
from zhiyin.inference.engines import Engine
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

PROMPTS = [
    Prompt("raw", text="答案是：", choices=("A", "B", "C", "D")),
    Prompt("said", messages=(Message("user", "一加一等于几？"),), choices=("B", "A")),
]


def ignore(finished: int) -> None:
    pass


@pytest.fixture
def serving(gemma2: PreTrainedModel, encoder: Encoder) -> Iterator[Unruly]:
    """A server with a real model behind it."""

    def likeliest(path: str, body: Body) -> Body:
        prompt = (
            Prompt("x", messages=tuple(Message(**turn) for turn in body["messages"]))
            if "messages" in body
            else Prompt("x", text=body["prompt"])
        )
        with torch.no_grad():
            ids = torch.tensor([question_ids(prompt, encoder)])
            values, tokens = gemma2(ids).logits[0, -1].log_softmax(-1).sort(descending=True)
        wanted = body["top_logprobs"] if "messages" in body else body["logprobs"]
        texts = [encoder.tokenizer.decode([int(token)], skip_special_tokens=False) for token in tokens[:wanted]]
        pairs = list(zip(texts, values.tolist(), strict=False))
        assert body["max_tokens"] == 1
        choice: Body = {"finish_reason": "length"}
        if "messages" in body:
            assert body["logprobs"] is True
            listed = [{"token": token, "logprob": value, "bytes": None} for token, value in pairs]
            choice |= {"message": {"content": texts[0]}, "logprobs": {"content": [{"top_logprobs": listed}]}}
        else:
            choice |= {"text": texts[0], "logprobs": {"top_logprobs": [dict(reversed(pairs))]}}
        return {"choices": [choice], "usage": {"prompt_tokens": ids.shape[1]}}

    with listening(Unruly(likeliest)) as unruly:
        yield unruly


def test_the_same_numbers_as_the_model_itself(serving: Unruly, folder: Path, tmp_path: Path) -> None:
    family: Any = Engine
    local = make(family, "transformers").open(folder, template=None, dtype="float32", runtime=Runtime(device="cpu"))
    expected = local.score(PROMPTS, ignore)
    session = opened(serving, tmp_path, top_logprobs=400)
    told: list[int] = []
    found = session.score(PROMPTS, told.append)
    assert sum(told) == 2
    for one, other in zip(found, expected, strict=True):
        assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=1e-5)
        assert (one.prompt_id, one.choice_tokens) == (other.prompt_id, other.choice_tokens)
        assert one.prompt_tokens == other.prompt_tokens
        assert one.trace is None
    assert opened(serving, tmp_path, top_logprobs=400).score(PROMPTS, ignore) == found
    assert serving.record.paid.total() == 2


def listing(tokens: dict[str, float] | None) -> Unruly:
    choice = {"text": "A", "finish_reason": "length", "logprobs": {"top_logprobs": [tokens]} if tokens else None}
    return Unruly(lambda path, body: {"choices": [choice]})


def scored(server: Unruly, *choices: str) -> Completion:
    with listening(server):
        return opened(server).score([Prompt("e1", text="答案：", choices=choices)], ignore)[0]


def test_a_choice_that_is_not_listed_is_bounded_and_told_of() -> None:
    found = scored(listing({"A": -0.1, "好": -2.5, "C": -4.0}), "A", "B", "C", "D")
    assert found.choice_logprobs == (-0.1, -4.0, -4.0, -4.0)
    assert found.trace is not None
    assert json.loads(found.trace)["bounded"] == ["B", "D"]


def test_no_choice_listed_is_no_answer_not_a_guess() -> None:
    found = scored(listing({"好": -0.1, " A": -3.0}), "A", "B")
    assert (found.choice_logprobs, found.choice_tokens) == ((), ())
    assert found.trace is not None
    assert json.loads(found.trace) == {"not listed": ["A", "B"], "listed": {"好": -0.1, " A": -3.0}}


def test_a_server_without_top_logprobs_is_told_of_at_once() -> None:
    server = listing(None)
    with (
        listening(server),
        pytest.raises(ValueError, match=r"prompt e1: http.* gives no top_logprobs, so it cannot score choices; ask"),
    ):
        opened(server, access={"concurrency": 1}).score(
            [Prompt(f"e{number}", text=f"{number}：", choices=("A",)) for number in range(1, 20)], ignore
        )
    assert server.record.tries.total() == 1


def test_a_choice_of_several_tokens_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="prompt e1: the choice '不觉晓' is longer than the token '不'"):
        scored(listing({"不": -0.1, "花": -3.0}), "不觉晓", "花")
    # One that is a token as a whole is scored, even where its beginning is one, too.
    assert scored(listing({"不": -0.1, "不觉": -3.0}), "不觉").choice_logprobs == (-3.0,)


def test_a_list_of_another_shape_is_no_reply() -> None:
    def reply(path: str, body: Body) -> Body:
        return {"choices": [{"text": asked(body), "logprobs": {"top_logprobs": [["A", -0.1]]}}]}

    server = Unruly(reply)
    with pytest.raises(RuntimeError, match=r"after 4 attempts, the last one: a reply that is none \(its top_logprobs"):
        scored(server, "A")
    assert server.record.tries.total() == 4
