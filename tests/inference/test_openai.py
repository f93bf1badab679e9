"""The OpenAI engine against a real server that misbehaves: what is asked, asked again, kept, and given up."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.inference.unruly import BROKEN, Body, Unruly, in_turn, listening, parrot, said, soon

from zhiyin.chat.templates import Template
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.engines import Engine, Question, Session
from zhiyin.inference.faults import Refused
from zhiyin.inference.sampling import Sampling
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt

GREEDY = Sampling(max_new_tokens=64)
HASTY = {"timeout": 0.5, "backoff": 0.01, "longest_pause": 2.0, "attempts": 4, "concurrency": 4}


@pytest.fixture
def server() -> Iterator[Unruly]:
    with listening(Unruly(parrot)) as unruly:
        yield unruly


def opened(server: Unruly, keep: Path | None = None, *, access: Body | None = None, **settings: Any) -> Session:
    return engine(server, access=access, **settings).open(
        None, template=None, dtype="float32", runtime=Runtime(), keep=keep
    )


def engine(server: Unruly, *, access: Body | None = None, **settings: Any) -> Engine:
    family: Any = Engine
    fields = {"name": "openai", "endpoint": server.url, "model": "parrot-1", **settings}
    found: Engine = make(family, {**fields, "access": {**HASTY, **(access or {})}})
    return found


def question(name: str, text: str = "春眠不觉晓", sample: int = 0) -> Question:
    return Question(Prompt(name, messages=(Message("system", "简短。"), Message("user", text))), f"{name}/{sample}")


def ask(session: Session, questions: Sequence[Question], sampling: Sampling = GREEDY) -> list[Completion]:
    told: list[int] = []
    found = session.generate(questions, sampling, told.append)
    assert sum(told) == len(questions)
    return found


def files(keep: Path) -> list[Path]:
    return sorted(keep.rglob("*.json"))


def test_what_is_sent(server: Unruly) -> None:
    found = ask(opened(server), [question("a"), Question(Prompt("b", text="处处"), "b/0")])
    assert found == [
        Completion("a", text="春眠不觉晓", stopped="stop", tokens=6, prompt_tokens=5),
        Completion("b", text="处处", stopped="stop", tokens=3, prompt_tokens=2),
    ]
    turns = [{"role": "system", "content": "简短。"}, {"role": "user", "content": "春眠不觉晓"}]
    settings = {"model": "parrot-1", "max_tokens": 64, "temperature": 0.0, "top_p": 1.0}
    assert sorted(server.record.bodies, key=lambda pair: pair[0]) == [
        ("/v1/chat/completions", {**settings, "messages": turns}),
        ("/v1/completions", {**settings, "prompt": "处处"}),
    ]


def test_settings_of_a_request(server: Unruly) -> None:
    session = opened(server, limit_field="max_completion_tokens", extra={"reasoning_effort": "low", "max_tokens": 7})
    drawn = Sampling(max_new_tokens=9, temperature=0.7, top_p=0.9, seed=3)
    ask(session, [question("a", sample=0), question("a", sample=1)], drawn)
    bodies = [body for _, body in server.record.bodies]
    assert all(body["reasoning_effort"] == "low" and body["max_completion_tokens"] == 9 for body in bodies)
    assert all((body["temperature"], body["top_p"]) == (0.7, 0.9) for body in bodies)
    ask(opened(server, limit_field="max_completion_tokens"), [Question(Prompt("b", text="处处"), "b/0")])
    path, body = server.record.bodies[-1]
    assert path == "/v1/completions"
    assert body == {"model": "parrot-1", "max_tokens": 64, "temperature": 0.0, "top_p": 1.0, "prompt": "处处"}
    seeds = {body["seed"] for body in bodies}
    assert len(seeds) == 2
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize("trouble", [*BROKEN, "429 after 0.05", "429", "500", "502", "503 after 0", "408", "529"])
def test_what_may_pass_is_asked_again(server: Unruly, trouble: str, tmp_path: Path) -> None:
    server.trouble = in_turn([trouble])
    questions = [question(f"q{number}", text=f"第{number}句") for number in range(3)]
    found = ask(opened(server, tmp_path), questions)
    assert [one.text for one in found] == ["第0句", "第1句", "第2句"]
    assert server.record.troubles == {trouble: 3}
    assert set(server.record.paid.values()) == {1}
    assert set(server.record.tries.values()) == {2}


@pytest.mark.parametrize("trouble", ["hang", "drip"])
def test_a_reply_has_its_time_from_first_to_last_byte(
    server: Unruly, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.trouble = in_turn([trouble])
    began = time.monotonic()
    ask(opened(server), [question("a")])
    assert time.monotonic() - began < 2.5
    assert f"{server.url}/chat/completions: asked again after 1 x no reply within 0.5 seconds" in caplog.messages


def test_a_date_to_come_back_at_is_kept_to(server: Unruly) -> None:
    server.trouble = lambda asked, before: f"429 after {soon()}" if before == 0 else None
    assert ask(opened(server), [question("a")])[0].text == "春眠不觉晓"
    assert server.record.tries.total() <= 3


def test_what_one_is_told_to_wait_holds_for_all(server: Unruly) -> None:
    server.trouble = lambda asked, before: "429 after 0.4" if asked == "第0句" and before == 0 else None
    server.delay = 0.05
    session = opened(server, access={"concurrency": 2})
    ask(session, [question(f"q{number}", text=f"第{number}句") for number in range(12)])
    order = [body["messages"][-1]["content"] for _, body in server.record.bodies]
    # The first of them comes back among the next ones after the pause; without it, most would have gone before.
    assert order.index("第0句", 1) <= 5


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("401", "name the variable that holds the key in access.key_variable"),
        ("404", "check the address of the endpoint and the name of the model"),
        ("400", "400 Bad Request, with: "),
        ("429 after spent", "429 Too Many Requests, with: "),
        ("307", "307 Temporary Redirect"),
    ],
)
def test_what_stays_wrong_stops_at_once(server: Unruly, status: str, advice: str, tmp_path: Path) -> None:
    server.trouble = lambda asked, before: status if asked == "坏" else None
    questions = [question(f"q{number}", text="坏" if number == 2 else f"第{number}句") for number in range(40)]
    with pytest.raises(Refused) as refusal:
        opened(server, tmp_path).generate(questions, GREEDY, lambda finished: None)
    said = str(refusal.value)
    assert said.startswith(f"{server.url}/chat/completions: prompt q2: the endpoint refused it: {status[:3]}")
    assert advice in said
    assert server.record.troubles == {status: 1}, "asked once"
    assert server.record.paid.total() < 39, "the others were left"
    assert len(files(tmp_path)) == server.record.paid.total(), "what was under way was kept"


def test_it_gives_up_after_so_many_attempts_and_goes_on_later(server: Unruly, tmp_path: Path) -> None:
    server.trouble = lambda asked, before: "500" if asked == "坏" and before < 4 else None
    questions = [question(name, text=name) for name in ("好", "坏")]
    with pytest.raises(Refused, match=r"prompt 坏: no reply after 4 attempts, the last one: 500 .*run again"):
        opened(server, tmp_path).generate(questions, GREEDY, lambda finished: None)
    assert [one.text for one in ask(opened(server, tmp_path), questions)] == ["好", "坏"]
    assert set(server.record.paid.values()) == {1}


def test_a_wait_that_is_too_long_is_told_of(server: Unruly) -> None:
    server.trouble = in_turn(["429 after 3600"])
    with pytest.raises(Refused, match=r"asks to wait 3600 seconds; replies so far are kept"):
        ask(opened(server), [question("a")])
    assert server.record.tries.total() == 1


def test_nobody_there_is_an_error(server: Unruly) -> None:
    session = opened(server, endpoint="http://127.0.0.1:9/v1", access={"attempts": 2})
    with pytest.raises(Refused, match="prompt a: no reply after 2 attempts, the last one: ConnectError"):
        ask(session, [question("a")])


def test_as_many_at_once_as_allowed(server: Unruly) -> None:
    server.delay = 0.05
    ask(opened(server, access={"concurrency": 3}), [question(f"q{number}", text=f"{number}") for number in range(12)])
    assert server.record.most == 3


def test_replies_are_kept_by_the_whole_request(server: Unruly, tmp_path: Path) -> None:
    questions = [question(f"q{number}", text=f"第{number}句") for number in range(5)]
    first = ask(opened(server, tmp_path), questions)
    assert len(files(tmp_path)) == 5
    assert ask(opened(server, tmp_path), questions[::-1]) == first[::-1]
    assert server.record.tries.total() == 5, "nothing was asked again"
    assert not list(tmp_path.rglob("*.partial"))
    ask(opened(server, tmp_path), questions, Sampling(max_new_tokens=8))
    ask(opened(server, tmp_path, model="parrot-2"), questions)
    ask(opened(server, tmp_path, extra={"style": "short"}), questions)
    drawn = Sampling(max_new_tokens=64, temperature=1.0)
    ask(opened(server, tmp_path), [question("q0", sample=sample) for sample in range(5)], drawn)
    assert server.record.tries.total() == 25
    ask(opened(server, tmp_path, access={"concurrency": 1, "timeout": 9.0}), questions)
    assert server.record.tries.total() == 25, "how it is reached makes no difference"


def test_a_request_that_is_there_twice_is_paid_once(server: Unruly) -> None:
    found = ask(opened(server), [question("a"), question("a")])
    assert found[0] == found[1]
    assert server.record.paid.total() == 1


def test_a_damaged_file_is_named(server: Unruly, tmp_path: Path) -> None:
    ask(opened(server, tmp_path), [question("a")])
    (file,) = files(tmp_path)
    assert json.loads(file.read_text(encoding="utf-8"))["request"]["body"]["model"] == "parrot-1"
    file.write_text('{"request": {}', encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{file.name} is not a kept reply: .*; remove it"):
        ask(opened(server, tmp_path), [question("a")])


def test_the_key_is_sent_and_kept_nowhere(
    server: Unruly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    access = {"key_variable": "ZHIYIN_TEST_KEY"}
    monkeypatch.delenv("ZHIYIN_TEST_KEY", raising=False)
    with pytest.raises(ValueError, match="variable ZHIYIN_TEST_KEY is not set"):
        opened(server, access=access)
    monkeypatch.setenv("ZHIYIN_TEST_KEY", "sk-secret")
    ask(opened(server, tmp_path, access=access), [question("a")])
    assert [headers["Authorization"] for headers in server.record.headers] == ["Bearer sk-secret"]
    server.trouble = in_turn(["401"])
    with pytest.raises(Refused, match="check the key in the environment variable ZHIYIN_TEST_KEY") as refusal:
        ask(opened(server, tmp_path, access=access), [question("b", text="处")])
    kept = "".join(file.read_text(encoding="utf-8") for file in files(tmp_path))
    assert "sk-secret" not in kept + caplog.text + str(refusal.value)


def test_how_it_is_reached_is_no_identity(server: Unruly) -> None:
    one, other = engine(server), engine(server, access={"timeout": 99.0, "key_variable": "X", "input_price": 1})
    assert one.identity() == other.identity()
    assert "access" not in other.plain()
    assert one.identity() != engine(server, model="other").identity()
    assert one.identity()["endpoint"] == server.url


@pytest.mark.parametrize(
    ("ended", "content", "expected"),
    [
        ("stop", "", Completion("a", stopped="stop", tokens=1, prompt_tokens=5)),
        ("length", "", Completion("a", stopped="length", tokens=0, prompt_tokens=5)),
        ("content_filter", None, Completion("a", prompt_tokens=5, trace="finish_reason: content_filter")),
        (
            "stop",
            "Je ne sais pas.",
            Completion("a", text="Je ne sais pas.", stopped="stop", tokens=16, prompt_tokens=5),
        ),
    ],
)
def test_a_strange_answer_is_an_answer(server: Unruly, ended: str, content: str | None, expected: Completion) -> None:
    def reply(path: str, body: Body) -> Body:
        whole = said(content or "", ended=ended, asked="春眠不觉晓")
        whole["choices"][0]["message"]["content"] = content
        return whole

    server.reply = reply
    assert ask(opened(server), [question("a")]) == [expected]
    assert server.record.tries.total() == 1


def test_what_a_reasoning_model_thought_is_its_trace(server: Unruly) -> None:
    def reply(path: str, body: Body) -> Body:
        whole = said("二", asked="一加一")
        whole["choices"][0]["message"]["reasoning_content"] = "一加一等于二"
        del whole["usage"]
        return whole

    server.reply = reply
    assert ask(opened(server), [question("a")]) == [Completion("a", text="二", stopped="stop", trace="一加一等于二")]


def test_the_estimate_is_told_before(server: Unruly, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    prices = {"input_price": 2.0, "output_price": 10.0}
    questions = [question(f"q{number}", text="春" * 100_000 + str(number)) for number in range(10)]
    server.trouble = in_turn(["503"])
    ask(opened(server, tmp_path, access=prices), questions[:4])
    ask(opened(server, tmp_path, access=prices), questions)
    ask(opened(server, tmp_path, access=prices), questions)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("zhiyin")] == [
        f"{server.url}: 4 requests to parrot-1, about 400016 tokens to read and at most 256 to write, "
        "at most 0.80 at the given prices",
        f"{server.url}/chat/completions: asked again after 4 x 503 Service Unavailable",
        f"{server.url}: 4 replies are kept from before",
        f"{server.url}: 6 requests to parrot-1, about 600024 tokens to read and at most 384 to write, "
        "at most 1.20 at the given prices",
        f"{server.url}/chat/completions: asked again after 6 x 503 Service Unavailable",
        f"{server.url}: 10 replies are kept from before",
    ]


def test_the_forecast_counts_samples_and_choices(server: Unruly) -> None:
    prompts = [
        Prompt("a", messages=(Message("user", "春眠不觉晓"),), samples=3),
        Prompt("b", text="abcde", choices=("A", "B")),
    ]
    said = "4 requests to parrot-1, about 17 tokens to read and at most 301 to write"
    assert list(engine(server).forecast(prompts, 100)) == [f"{server.url}: {said}"]
    dear = engine(server, access={"input_price": 1e4, "output_price": 1e5})
    assert list(dear.forecast(prompts, 100)) == [f"{server.url}: {said}, at most 30.27 at the given prices"]


def test_only_a_server_has_a_template_and_a_type(server: Unruly, tmp_path: Path) -> None:
    family: Any = Template
    for name, wrong in {
        "model": {"model": tmp_path},
        "template": {"template": make(family, "gemma2")},
        "dtype": {"dtype": "bfloat16"},
    }.items():
        given: Any = {"model": None, "template": None, "dtype": "float32", **wrong}
        with pytest.raises(ValueError, match=f"{name}: the server at {server.url} has its own; take `{name}` away"):
            engine(server).open(given.pop("model"), runtime=Runtime(), **given)


def test_a_prompt_that_settles_its_bos_is_refused(server: Unruly) -> None:
    with pytest.raises(ValueError, match="prompt b settles its BOS"):
        ask(opened(server), [Question(Prompt("b", text="处处", add_bos=False), "b/0")])


def streamed(session: Session, one: Question) -> tuple[list[str], Completion]:
    pieces: list[str] = []
    returned: list[Completion] = []

    def whole() -> Iterator[str]:
        returned.append((yield from session.stream(one, GREEDY)))

    pieces.extend(whole())
    return pieces, returned[0]


def test_a_stream_is_kept_like_any_reply(server: Unruly, tmp_path: Path) -> None:
    server.trouble = in_turn(["503", "drop", "hang"])
    pieces, answer = streamed(opened(server, tmp_path), question("a"))
    assert pieces == ["春眠", "不觉", "晓"]
    assert streamed(opened(server, tmp_path), question("a")) == (["春眠不觉晓"], answer)
    assert ask(opened(server, tmp_path), [question("a")]) == [answer]
    assert server.record.paid.total() == 1


def test_a_stream_that_breaks_off_is_an_error(server: Unruly, tmp_path: Path) -> None:
    server.trouble = in_turn(["cut stream"])
    with pytest.raises(RuntimeError, match=r"prompt a: the reply broke off: Malformed: the stream has no end"):
        streamed(opened(server, tmp_path), question("a"))
    server.trouble = lambda asked, before: "cut"
    with pytest.raises(Refused, match="prompt a: no reply after 4 attempts"):
        streamed(opened(server, tmp_path), question("a"))
    assert files(tmp_path) == []
