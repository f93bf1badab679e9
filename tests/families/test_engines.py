"""What every engine owes: the contract of `zhiyin.inference.engines`, on a small model of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.inference.unruly import Unruly, listening, parrot

from zhiyin.artifacts import TextSet, Tokenizer
from zhiyin.execution.catalog import load, make, names
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.engines import Dtype, Engine, Question, Session
from zhiyin.inference.sampling import Sampling
from zhiyin.records.conversation import Document, Message
from zhiyin.records.prompt import Completion, Prompt
from zhiyin.training import tokenizer as tokenizer_step
from zhiyin.weights import tiny as tiny_step

ENGINES = names(Engine)
LOCAL = tuple(name for name in ENGINES if load(Engine, name).reads_model)
"""Those that load a model here; what another one can do is the affair of its server."""
POSITIONS = 64
GREEDY = Sampling(max_new_tokens=12)
DRAWN = Sampling(max_new_tokens=12, temperature=1.0, seed=3)


def test_the_family() -> None:
    assert ENGINES == ("openai", "transformers")
    assert LOCAL == ("transformers",)
    assert all(make(Engine, settings(name, "http://localhost/v1")).name == name for name in ENGINES)
    assert all((load(Engine, name).__doc__ or "").strip() for name in ENGINES)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("engines")
    texts = TextSet.write(root / "texts", [Document("1", "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "poem")])
    wanted = tokenizer_step.Config.model_validate({"vocab_size": 300, "template": "gemma2"})
    made = tokenizer_step.tokenizer(wanted, out=root / "tokenizer", runtime=Runtime(), texts={"a": TextSet(texts.path)})
    sizes = tiny_step.Config(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=8,
        max_position_embeddings=POSITIONS,
    )
    tiny_step.tiny(sizes, out=root / "model", runtime=Runtime(), tokenizer=Tokenizer(made.path))
    return root / "model"


def settings(name: str, url: str) -> dict[str, Any]:
    return {"name": name} if name in LOCAL else {"name": name, "endpoint": url, "model": "parrot"}


def opened(name: str, checkpoint: Path, dtype: Dtype = "float32", micro_batch_tokens: int = 512) -> Session:
    runtime = Runtime(device="cpu", micro_batch_tokens=micro_batch_tokens)
    return make(Engine, name).open(checkpoint, template=None, dtype=dtype, runtime=runtime)


@pytest.fixture(scope="module")
def server() -> Iterator[Unruly]:
    with listening(Unruly(parrot)) as unruly:
        yield unruly


@pytest.fixture(params=ENGINES)
def session(request: pytest.FixtureRequest, checkpoint: Path, server: Unruly, tmp_path: Path) -> Session:
    if request.param in LOCAL:
        return opened(request.param, checkpoint)
    engine = make(Engine, settings(request.param, server.url))
    return engine.open(None, template=None, dtype="float32", runtime=Runtime(), keep=tmp_path)


QUESTIONS = [
    Question(Prompt(f"p{number}", messages=(Message("user", text),)), f"p{number}/0")
    for number, text in enumerate(("春眠", "处处闻啼鸟。", "夜来风雨声，" * 9, "花"))
]
SCORED = [
    Prompt("a", messages=(Message("user", "春眠"),), choices=("不觉晓", "晓")),
    Prompt("b", text="处处", choices=("闻", "啼鸟", "。")),
    Prompt("c", text="夜来风雨声，" * 12, choices=("花",)),
]


def ignore(finished: int) -> None:
    pass


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN])
def test_generation(session: Session, sampling: Sampling) -> None:
    told: list[int] = []
    found = session.generate(QUESTIONS, sampling, told.append)
    assert sum(told) == len(QUESTIONS)
    assert [completion.prompt_id for completion in found] == ["p0", "p1", "p2", "p3"]
    local = session.template != "server"
    assert [completion.truncated for completion in found] == [False, False, local, False]
    for completion in found:
        assert completion.stopped == ("length" if completion.tokens == sampling.max_new_tokens else "stop")
        assert 1 <= completion.tokens <= sampling.max_new_tokens
        assert not local or completion.prompt_tokens + sampling.max_new_tokens <= POSITIONS
    assert session.generate(QUESTIONS[::-1], sampling, ignore) == found[::-1]


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN])
def test_streaming_is_generation_bit_by_bit(session: Session, sampling: Sampling) -> None:
    for question, expected in zip(QUESTIONS, session.generate(QUESTIONS, sampling, ignore), strict=True):
        returned: list[Completion] = []

        def streamed(question: Question = question, returned: list[Completion] = returned) -> Iterator[str]:
            returned.append((yield from session.stream(question, sampling)))

        assert "".join(streamed()) == expected.text
        assert returned == [expected]


@pytest.mark.parametrize("session", LOCAL, indirect=True)
def test_scoring(session: Session) -> None:
    told: list[int] = []
    found = session.score(SCORED, told.append)
    assert sum(told) == len(SCORED)
    assert [completion.prompt_id for completion in found] == ["a", "b", "c"]
    assert [len(completion.choice_logprobs) for completion in found] == [2, 3, 1]
    assert [len(completion.choice_tokens) for completion in found] == [2, 3, 1]
    assert [completion.truncated for completion in found] == [False, False, True]
    assert all(value < 0 for completion in found for value in completion.choice_logprobs)
    for prompt, completion in zip(SCORED, found, strict=True):
        assert session.score([prompt], ignore)[0].choice_logprobs == pytest.approx(completion.choice_logprobs, abs=1e-5)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("dtype", get_args(Dtype))
def test_every_precision(name: str, dtype: Dtype, checkpoint: Path) -> None:
    found = opened(name, checkpoint, dtype).score(SCORED, ignore)
    exact = opened(name, checkpoint, "float32", 1).score(SCORED, ignore)
    tolerance = 1e-5 if dtype == "float32" else 0.2
    for one, other in zip(found, exact, strict=True):
        assert one.choice_logprobs == pytest.approx(other.choice_logprobs, abs=tolerance)
