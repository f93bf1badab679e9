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
TURNS = MESSAGES[1:]
FRENCH = {
    "prompt_input": "Consigne {{urgente}} :\n{instruction}\nTexte « {input} »\n\n{{Réponse}} :\n",
    "prompt_no_input": "Assistant.\n\nConsigne :\n{instruction}\n{{Réponse}} :\n",
    "response_split": "{Réponse} :",
}
FIELDS: dict[str, dict[str, str]] = {"chinese_domain": {"domain": "医学"}, "prompt_json": FRENCH}
"""What a member must be told."""
LAST = "</s>\n\n### Instruction:\n夜\n\n### Response:"
ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.\n\n### Instruction:\n简短\n\n### Input:\n春\n\n### Response:"
)
ALPACA_NO_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n春\n\n### Response:"
)
GEMMA2_END = "<end_of_turn>\n<start_of_turn>user\n夜<end_of_turn>\n<start_of_turn>model\n"
GEMMA2_SYSTEM_END = (
    "<start_of_turn>user\n春\n<end_of_turn><eos>\n<start_of_turn>model\n花\n<end_of_turn><eos>\n"
    "<start_of_turn>user\n夜\n<end_of_turn><eos>\n<start_of_turn>model\n"
)
LLAMA3_END = (
    "<|start_header_id|>user<|end_header_id|>\n\n春<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n花<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n夜<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)
GOLDEN = {
    "alpaca": (f"<s>{ALPACA_INPUT}\n花{LAST}\n", f"<s>{ALPACA_NO_INPUT}\n花{LAST}\n"),
    "alpaca_legacy": (f"<s>{ALPACA_INPUT}花{LAST}", f"<s>{ALPACA_NO_INPUT}花{LAST}"),
    "alpaca_short": (
        f"<s>### Instruction:\n简短\n\n### Input:\n春\n\n### Response:\n花{LAST}\n",
        f"<s>### Instruction:\n春\n\n### Response:\n花{LAST}\n",
    ),
    "chinese_domain": (
        "<s>下面的问题属于医学领域，并附有相关材料。请运用专业知识，依据材料作出准确、清楚的回答。\n\n"
        "### 问题：\n简短\n\n### 材料：\n春\n\n### 回答：\n花</s>\n\n### 问题：\n夜\n\n### 回答：\n",
        "<s>下面的问题属于医学领域。请运用专业知识，作出准确、清楚的回答。\n\n"
        "### 问题：\n春\n\n### 回答：\n花</s>\n\n### 问题：\n夜\n\n### 回答：\n",
    ),
    "gemma2": (
        f"<bos><start_of_turn>user\n简短\n\n春<end_of_turn>\n<start_of_turn>model\n花{GEMMA2_END}",
        f"<bos><start_of_turn>user\n春<end_of_turn>\n<start_of_turn>model\n花{GEMMA2_END}",
    ),
    "gemma2_system": (
        f"<bos><start_of_turn>system\n简短\n<end_of_turn><eos>\n{GEMMA2_SYSTEM_END}",
        f"<bos>{GEMMA2_SYSTEM_END}",
    ),
    "llama3": (
        f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n简短<|eot_id|>{LLAMA3_END}",
        f"<|begin_of_text|>{LLAMA3_END}",
    ),
    "prompt_json": (
        "<s>Consigne {urgente} :\n简短\nTexte « 春 »\n\n{Réponse} :\n花</s>\n\nConsigne :\n夜\n{Réponse} :\n",
        "<s>Assistant.\n\nConsigne :\n春\n{Réponse} :\n花</s>\n\nConsigne :\n夜\n{Réponse} :\n",
    ),
    "vigogne_style": (
        "<s>Voici une instruction, suivie d'une entrée qui en précise le contexte. Rédige une réponse qui y satisfait "
        "pleinement.\n\n### Instruction:\n简短\n\n### Entrée:\n春\n\n### Réponse:\n花</s>\n\n### Instruction:\n夜\n\n"
        "### Réponse:\n",
        "<s>Voici une instruction. Rédige une réponse qui y satisfait pleinement.\n\n"
        "### Instruction:\n春\n\n### Réponse:\n花</s>\n\n### Instruction:\n夜\n\n### Réponse:\n",
    ),
}
"""Two turns as a prompt, with a system turn and without."""
CLOSING = {"gemma2": "<end_of_turn>", "gemma2_system": "\n<end_of_turn><eos>", "llama3": "<|eot_id|>"}
"""What is supervised behind an answer, where it is not `</s>`."""


def test_every_template_is_here() -> None:
    assert names(Template) == tuple(GOLDEN)
    assert len(names(Template)) == 9


@pytest.fixture(scope="module", params=names(Template))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return the encoder of one template, read as a recipe's config field reads it."""
    config = {"name": request.param, **FIELDS.get(request.param, {})}
    template: Template = TypeAdapter(AnyTemplate).validate_python(config)
    return small_encoder(template)


@pytest.fixture(scope="module")
def foreign(encoder: Encoder) -> Any:
    """Return the same tokenizer inside `transformers`, with our Jinja template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=encoder.tokenizer, bos_token=encoder.template.form().bos)
    tokenizer.chat_template = jinja(encoder.template)
    return tokenizer


def test_golden_text(encoder: Encoder) -> None:
    asked = [decoded(encoder, encoder.prompt(messages)) for messages in (MESSAGES, TURNS)]
    assert tuple(asked) == GOLDEN[encoder.template.name]


def test_the_answer_and_its_stop_token_are_supervised(encoder: Encoder) -> None:
    closing = CLOSING.get(encoder.template.name, "</s>")
    whole = encoder.conversation([*MESSAGES, Message("assistant", "鸟")])
    assert scored(encoder, whole.ids, whole.mask) == f"花{closing}鸟{closing}"
    encoded = encoder.conversation([*MESSAGES, Message("assistant", "鸟")], last_only=True)
    assert scored(encoder, encoded.ids, encoded.mask) == f"鸟{closing}"
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
    """At a control token of the turn, or else at the model's own EOS, and at a header that only a user turn has."""
    stops, form = ollama_stops(encoder.template), encoder.template.form()
    assert encoder.eos_id in encoder.stop_ids
    if form.markers:
        assert set(encoder.stop_ids) & {encoder.tokenizer.token_to_id(stop) for stop in stops}
    else:
        assert stops == form.stop_texts
        assert [stop for stop in stops if stop in form.user.before] == list(stops) != []
        assert not any(stop in form.assistant.before for stop in stops)


def test_a_template_keeps_its_fields_on_disk(encoder: Encoder) -> None:
    adapter: TypeAdapter[Template] = TypeAdapter(AnyTemplate)
    again = adapter.validate_python(encoder.template.plain(), context={"recorded": True})
    assert again == encoder.template
    assert again.form() == encoder.template.form()


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
        elif action == "end" or action.split()[0] == "else":
            return output, action
        elif action.startswith("if "):
            output += _branches(action, pieces, values, live=live)
        elif action == "range .Messages":
            output += _range(pieces, values, messages)
        elif assigned := re.fullmatch(r'(\$\w+) :?= (\.\w+|""|true|false)', action):
            if live:
                values[assigned[1]] = "true" if assigned[2] == "true" else values.get(assigned[2], "")
        elif quoted := re.fullmatch(r'"([^"\\]*)"', action):
            output += quoted[1] if live else ""
        else:
            output += values[action] if live else ""
    return output, ""


def _branches(action: str, pieces: Pieces, values: dict[str, str], *, live: bool) -> str:
    output, taken = "", False
    while action != "end":
        holds = live and not taken and (action == "else" or _holds(action.rpartition("if ")[2], values))
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
