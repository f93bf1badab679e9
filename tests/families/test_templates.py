"""The contract of every chat template: tokens, Jinja and Ollama say the same, and training teaches to stop."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter
from tests.chat.toys import as_dicts, calm, conversations, decoded, scored, small_encoder
from transformers import PreTrainedTokenizerFast

from zhiyin.chat.encode import Encoder
from zhiyin.chat.export import jinja, ollama, ollama_stops
from zhiyin.chat.templates import AnyTemplate, Template
from zhiyin.execution.catalog import names
from zhiyin.records.conversation import Message

MESSAGES = (Message("system", "简短"), Message("user", "春"), Message("assistant", "花"), Message("user", "夜"))
GOLDEN = {
    "gemma2": (
        "<bos><start_of_turn>user\n简短\n\n春<end_of_turn>\n<start_of_turn>model\n花<end_of_turn>\n"
        "<start_of_turn>user\n夜<end_of_turn>\n<start_of_turn>model\n"
    ),
    "gemma2_system": (
        "<bos><start_of_turn>system\n简短\n<end_of_turn><eos>\n<start_of_turn>user\n春\n<end_of_turn><eos>\n"
        "<start_of_turn>model\n花\n<end_of_turn><eos>\n<start_of_turn>user\n夜\n<end_of_turn><eos>\n"
        "<start_of_turn>model\n"
    ),
    "llama3": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n简短<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n花<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n夜<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
}
SUPERVISED = {
    "gemma2": "鸟<end_of_turn>",
    "gemma2_system": "鸟\n<end_of_turn><eos>",
    "llama3": "鸟<|eot_id|>",
}


def test_every_template_is_here() -> None:
    assert names(Template) == tuple(GOLDEN) == tuple(SUPERVISED)
    assert len(names(Template)) == 3


@pytest.fixture(scope="module", params=names(Template))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return the encoder of one template, read as a recipe's config field reads it."""
    template: Template = TypeAdapter(AnyTemplate).validate_python(request.param)
    return small_encoder(template)


@pytest.fixture(scope="module")
def foreign(encoder: Encoder) -> Any:
    """Return the same tokenizer inside `transformers`, with our Jinja template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=encoder.tokenizer, bos_token=encoder.template.form().bos)
    tokenizer.chat_template = jinja(encoder.template)
    return tokenizer


def test_golden_text(encoder: Encoder) -> None:
    assert decoded(encoder, encoder.prompt(MESSAGES)) == GOLDEN[encoder.template.name]


def test_the_answer_and_its_stop_token_are_supervised(encoder: Encoder) -> None:
    encoded = encoder.conversation([*MESSAGES, Message("assistant", "鸟")], last_only=True)
    assert scored(encoder, encoded.ids, encoded.mask) == SUPERVISED[encoder.template.name]
    supervised = [id for id, mask in zip(encoded.ids, encoded.mask, strict=True) if mask]
    assert set(supervised) & set(encoder.stop_ids)


def test_the_prompt_is_the_conversation_up_to_the_answer(encoder: Encoder) -> None:
    encoded = encoder.conversation([*MESSAGES, Message("assistant", "鸟")], last_only=True)
    assert encoder.prompt(MESSAGES) == encoded.ids[: encoded.mask.index(True)]


@calm
@given(messages=conversations())
def test_tokens_jinja_and_ollama_agree(encoder: Encoder, foreign: Any, messages: list[Message]) -> None:
    asked = messages if messages[-1].role == "user" else messages[:-1]
    prompt = encoder.prompt(asked)
    assert foreign.apply_chat_template(as_dicts(asked), add_generation_prompt=True, return_dict=False) == prompt
    assert foreign.apply_chat_template(as_dicts(messages), return_dict=False) == encoder.conversation(messages).ids
    if encoder.template.form().trim:  # which Ollama cannot
        asked = [Message(message.role, message.content.strip()) for message in asked]
    in_ollama = encoder.tokenizer.encode(go(ollama(encoder.template), asked), add_special_tokens=False).ids
    assert [encoder.bos_id, *in_ollama] == prompt
    assert prompt.count(prompt[0]) == 1


def test_ollama_stops_where_training_taught_to(encoder: Encoder) -> None:
    stops = {encoder.tokenizer.token_to_id(stop) for stop in ollama_stops(encoder.template)}
    assert set(encoder.stop_ids) & stops
    assert encoder.eos_id in encoder.stop_ids


# A reader of the few Go template constructs that we write: what it does not know is an error.

Pieces = Iterator[str]


def go(template: str, messages: Sequence[Message]) -> str:
    """Run a template as Ollama does: `.System` is the joined system text, `.Messages` are all messages."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    pieces = iter(re.split(r"(\{\{.*?\}\})", template))
    output, end = _block(pieces, {".System": system}, messages, live=True)
    assert end == ""
    return output


def _block(pieces: Pieces, values: dict[str, str], messages: Sequence[Message], *, live: bool) -> tuple[str, str]:
    """Run up to the `end` or `else` of this block, which is returned; a block that is not live prints nothing."""
    output = ""
    for piece in pieces:
        action = piece[2:-2].strip() if piece.startswith("{{") else None
        if action is None:
            output += piece if live else ""
        elif action == "end" or action.startswith("else if "):
            return output, action
        elif action.startswith("if "):
            output += _branches(action, pieces, values, live=live)
        elif action == "range .Messages":
            output += _range(pieces, values, messages)
        elif assigned := re.fullmatch(r'(\$\w+) :?= (\.\w+|"")', action):
            if live:
                values[assigned[1]] = values.get(assigned[2], "")
        else:
            output += values[action] if live else ""
    return output, ""


def _branches(action: str, pieces: Pieces, values: dict[str, str], *, live: bool) -> str:
    output, taken = "", False
    while action != "end":
        holds = live and not taken and _holds(action.removeprefix("else ").removeprefix("if "), values)
        branch, action = _block(pieces, values, (), live=holds)
        output, taken = output + branch, taken or holds
    return output


def _holds(condition: str, values: dict[str, str]) -> bool:
    compared = re.fullmatch(r'eq (\.\w+) "(\w+)"', condition)
    return values[compared[1]] == compared[2] if compared else values[condition] != ""


def _range(pieces: Pieces, values: dict[str, str], messages: Sequence[Message]) -> str:
    body = list(pieces)
    output, rest = "", iter(body)
    for message in messages:
        rest = iter(body)
        values |= {".Role": message.role, ".Content": message.content}
        printed, end = _block(rest, values, (), live=True)
        assert end == "end"
        output += printed
    tail, end = _block(rest, values, (), live=True)
    assert end == ""
    return output + tail
