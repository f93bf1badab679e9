"""Dynamic system prompts: each on its own record, whatever the generator says, and whatever happens on the way."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.data.stand_ins import given, made, replied
from tests.evaluation.court import troubled
from tests.inference.killing import run_killed
from tests.inference.unruly import Body, Unruly, asked, listening, said

from zhiyin.artifacts import ConversationSet, PromptSet
from zhiyin.data import system_prompt_requests, system_prompts
from zhiyin.data.fixed_prompts import FIXED_PROMPTS
from zhiyin.data.rows import BadRow
from zhiyin.data.system_prompt_replies import prompt_in
from zhiyin.data.system_prompt_requests import ORDERS
from zhiyin.execution.artifact import Manifest
from zhiyin.execution.runtime import Runtime
from zhiyin.execution.step import Step, step
from zhiyin.records import jsonl
from zhiyin.records.conversation import Conversation, Message
from zhiyin.records.jsonl import Rejected
from zhiyin.records.prompt import Completion


def talks(count: int) -> list[Conversation]:
    """Return conversations of two rounds."""
    return [
        Conversation(
            f"r{n}",
            (
                Message("user", f"第{n}个问题"),
                Message("assistant", f"第{n}个回答"),
                Message("user", "还有呢？"),
                Message("assistant", "没有了"),
            ),
            "s",
            f"kind{n % 2}",
        )
        for n in range(count)
    ]


def requests_for(records: Step[Any], **fields: Any) -> Step[PromptSet]:
    config = system_prompt_requests.Config.model_validate(fields)
    return step(system_prompt_requests.system_prompt_requests, config, {"records": records})


def prompted(
    records: Step[Any], requests: Step[PromptSet], replies: Mapping[str, str], runtime: Runtime, **fields: Any
) -> ConversationSet:
    completions = replied(requests, replies, stopped=fields.pop("stopped", {}))
    config = system_prompts.Config.model_validate(fields)
    inputs = {"records": records, "requests": requests, "completions": completions}
    result: ConversationSet = made(step(system_prompts.system_prompts, config, inputs), runtime)
    return result


def test_requests_show_the_dialogue_or_what_is_asked_alone(runtime: Runtime) -> None:
    own = Conversation("own", (Message("system", "自带"), *talks(1)[0].messages), "s")
    records = given([*talks(10), own])
    shown: PromptSet = made(requests_for(records, share=1.0), runtime)
    assert [prompt.id for prompt in shown] == [f"r{n}" for n in range(10)]
    first = next(iter(shown))
    assert [turn.role for turn in first.messages] == ["system", "user"]
    assert "{" not in first.messages[0].content
    assert first.messages[1].content == (
        "<对话>\n用户：第0个问题\n助手：第0个回答\n用户：还有呢？\n助手：没有了\n</对话>"
    )
    assert first.group == "kind0"
    hidden: PromptSet = made(requests_for(records, share=1.0, hide_answers=True, max_characters=9), runtime)
    assert next(iter(hidden)).messages[1].content == "<对话>\n用户：第0个问题\n……\n</对话>"


def test_orders_name_the_five_requirements() -> None:
    assert [f"\n{number}. " in ORDERS for number in range(1, 7)] == [True] * 5 + [False]


def test_requests_are_an_exact_share_drawn_by_id_and_seed(runtime: Runtime) -> None:
    records, turned = given(talks(150)), given(talks(150)[::-1])
    one = {prompt.id for prompt in made(requests_for(records), runtime)}
    assert len(one) == 60
    assert {prompt.id for prompt in made(requests_for(turned), runtime)} == one
    assert {prompt.id for prompt in made(requests_for(records, seed=1), runtime)} != one
    assert one != {f"r{n}" for n in range(60)}


def test_every_prompt_is_on_its_own_record_and_failures_get_a_fixed_one(runtime: Runtime) -> None:
    records = given(talks(150))
    requests = requests_for(records)
    ids = [prompt.id for prompt in made(requests, runtime)]
    replies = {key: f"你是{key}号助手。" for key in ids}
    replies[ids[0]] = ""
    replies[ids[1]] = "很抱歉，我无法完成这个任务。"
    replies[ids[2]] = "请帮我写一首诗。"
    replies[ids[3]] = "你是助手。" * 100
    del replies[ids[4]]
    result = prompted(records, requests, replies, runtime, fixed=0.4, stopped={ids[5]: "length"})
    assert result.summary["system_prompts"] == {"none": 30, "fixed": 66, "dynamic": 54, "own": 0}
    assert result.summary["fallbacks"] == {
        "empty": 1,
        "a refusal": 1,
        "speaks as a user does": 1,
        "longer than 400 characters": 1,
        "no reply": 1,
        "cut off": 1,
    }
    first = {record.id: record.messages[0] for record in result}
    assert list(first) == [f"r{n}" for n in range(150)]
    assert all(first[key] == Message("system", replies[key]) for key in ids[6:])
    assert all(first[key].content in FIXED_PROMPTS for key in ids[:6])
    rows = {row.where: row for row in jsonl.read(result.path / system_prompts.FALLBACKS, Rejected)}
    assert set(rows) == set(ids[:6])
    assert rows[ids[2]].row == "请帮我写一首诗。"
    rest = [turn.content for key, turn in first.items() if key not in ids and turn.role == "system"]
    assert len(rest) == 60
    assert set(rest) == set(FIXED_PROMPTS)


def test_requests_of_another_set_are_refused(runtime: Runtime) -> None:
    requests = requests_for(given(talks(20)))
    with pytest.raises(Exception, match=r"\d requests are for records that .* does not have"):
        prompted(given(talks(5)), requests, {}, runtime)
    with pytest.raises(Exception, match=r"fixed is 0\.6, but 4 without a prompt and 8 requests leave 8 of 20 records"):
        prompted(given(talks(20)), requests, {}, runtime, fixed=0.6)
    with pytest.raises(ValueError, match="give `requests` and `completions` together"):
        step(system_prompts.system_prompts, system_prompts.Config(), {"records": given(talks(5)), "requests": requests})


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("你是助手。", "你是助手。"),
        ("```\n你是助手。\n```", "你是助手。"),
        ("**系统提示词：**\n“你是助手。”", "你是助手。"),
        ("System prompt: You are kind.", "You are kind."),
        ("“你”是“我”", "“你”是“我”"),
    ],
)
def test_what_stands_around_a_prompt_is_taken_off(text: str, prompt: str) -> None:
    assert prompt_in(Completion("r0", text=text, stopped="stop"), talks(1)[0], 100) == prompt


def test_a_prompt_that_repeats_the_question_is_none() -> None:
    record = Conversation(
        "1", (Message("user", "把“白日依山尽，黄河入海流”译成英语好吗"), Message("assistant", "…")), "s"
    )
    with pytest.raises(BadRow, match="repeats what the user says"):
        prompt_in(Completion("1", text="你会把“白日依山尽， 黄河入海流”译成英语。", stopped="stop"), record, 100)
    assert prompt_in(Completion("1", text="你把“白日依山尽”译成英语。", stopped="stop"), record, 100)


ODD = {0: "", 1: "对不起，我无法回答。", 2: "请帮我看看这个。", 3: "长" * 500}


def generator(path: str, body: Body) -> Body:
    """Write a system prompt that tells by whose dialogue it was made; of some dialogues, something else."""
    dialogue = asked(body)
    return said(ODD.get(number(dialogue) % 50, f"你是{number(dialogue)}号助手，说话亲切。"))


def number(text: str) -> int:
    return int(sha256(text.encode()).hexdigest()[:12], 16)


@pytest.mark.slow
def test_2000_requests_to_a_misbehaving_server_killed_three_times(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    rows = [{"instruction": f"第{n}题：{'请' * (n % 7)}说明", "input": "", "output": f"答{n}"} for n in range(5000)]
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    store = tmp_path / "store"
    with listening(Unruly(generator, troubled)) as server:
        access = "{concurrency: 16, timeout: 1.0, backoff: 0.01, attempts: 5}"
        engine = f"{{name: openai, endpoint: '{server.url}', model: writer, access: {access}}}"
        recipe = tmp_path / "prompts.yaml"
        recipe.write_text(
            f"""title: Dynamic system prompts
data:
  rows: {{name: collect, source: {{name: alpaca_json, files: ['{tmp_path / "rows.json"}']}}}}
  requests: {{name: system_prompt_requests, records: rows}}
  prompted: {{name: system_prompts, records: rows, requests: requests, completions: replies, fixed: 0.4}}
inference:
  replies: {{name: answer, prompts: [requests], engine: {engine}}}
""",
            encoding="utf-8",
        )
        run_killed(server, recipe, store, (300, 1100, 1900), child_environment)
    assert server.record.paid.total() == 2000
    assert set(server.record.paid.values()) == {1}, "no reply was paid twice"
    assert set(server.record.troubles) >= {"500", "503", "429 after 0.01", "drop", "cut", "html", "hang"}
    folders = {Manifest.read(file.parent).kind: file.parent for file in store.glob("*/manifest.json")}
    shown = {prompt.id: prompt.messages[-1].content for prompt in PromptSet(folders["system_prompt_requests"])}
    assert len(shown) == 2000
    odd = {key for key, text in shown.items() if number(text) % 50 in ODD}
    assert len(odd) > 100
    summary = Manifest.read(folders["system_prompts"]).summary
    assert summary["system_prompts"] == {
        "none": 1000,
        "fixed": 2000 + len(odd),
        "dynamic": 2000 - len(odd),
        "own": 0,
    }
    assert sum(summary["fallbacks"].values()) == len(odd)
    for record in ConversationSet(folders["system_prompts"]):
        if record.id in shown and record.id not in odd:
            assert record.messages[0].content == f"你是{number(shown[record.id])}号助手，说话亲切。"
            assert f"用户：{record.messages[1].content}\n" in shown[record.id]
