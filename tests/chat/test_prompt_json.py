"""Formats of a user's own JSON, and the fields that every format of the Alpaca kind has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.chat.toys import decoded, scored, train

from zhiyin.chat.encode import Encoder
from zhiyin.chat.render import render
from zhiyin.chat.template import load, load_encoder, write_tokenizer
from zhiyin.chat.templates import AnyTemplate, Template
from zhiyin.chat.templates.prompt_json import PromptJson
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Message

TEXTS = {
    "prompt_input": "资料与问题。\n\n问题：\n{instruction}\n资料：\n{input}\n回答：\n",
    "prompt_no_input": "问题如下。\n\n问题：\n{instruction}\n回答：\n",
    "response_split": "回答：",
}
TURNS = [Message("user", "春"), Message("assistant", "花")]


def written(tmp_path: Path, content: Any) -> Path:
    file = tmp_path / "mine.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return file


def read(**fields: Any) -> Template:
    found: Template = TypeAdapter(AnyTemplate).validate_python({"name": "prompt_json", **fields})
    return found


def test_a_file_is_its_texts(tmp_path: Path) -> None:
    file = written(tmp_path, {"description": "我的模板", **TEXTS})
    template = read(file=str(file))
    assert template == read(**TEXTS)
    assert template.plain() == template.identity()
    tokens = {"bos": "<s>", "eos": "</s>", "pad": "<unk>"}
    assert template.plain() == {"name": "prompt_json", "code_version": 1, **tokens, **TEXTS}


def test_a_model_needs_the_file_no_more(tmp_path: Path) -> None:
    file = written(tmp_path, TEXTS)
    template = read(file=file)
    write_tokenizer(train(template.form().controls), template, tmp_path / "model")
    file.unlink()
    assert load(tmp_path / "model") == template
    encoded = load_encoder(tmp_path / "model").conversation([Message("system", "译"), *TURNS])
    encoder = Encoder(train(template.form().controls), template)
    assert decoded(encoder, encoded.ids) == "<s>资料与问题。\n\n问题：\n译\n资料：\n春\n回答：\n花</s>"
    assert scored(encoder, encoded.ids, encoded.mask) == "花</s>"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected a JSON object in UTF-8; reading it: Expecting property name"),
        ([TEXTS], "expected a JSON object with prompt_input, prompt_no_input, response_split; found list"),
        ({}, "expected a text under the key `prompt_input`; there are: no keys; add it to the file"),
        (
            {**TEXTS, "response_split": None},
            "expected a text under the key `response_split`; found NoneType; add it to the file",
        ),
        (
            {"prompt_inputs": "", "prompt_no_input": ""},
            "expected a text under the key `prompt_input`; there are: prompt_inputs, prompt_no_input; add it",
        ),
        (
            {**TEXTS, "prompt_input": TEXTS["prompt_no_input"]},
            "`prompt_input` must hold {instruction} and then {input}, once each",
        ),
        ({**TEXTS, "response_split": "答复："}, "must hold the response_split '答复：' once"),
    ],
)
def test_an_unfit_file_is_named_with_its_key(tmp_path: Path, content: Any, message: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(ValueError, match=re.escape(f"{file}: ") + ".*" + re.escape(message)):
        read(file=file)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff{}")
    with pytest.raises(ValueError, match=r"bytes\.json: expected a JSON object in UTF-8"):
        read(file=tmp_path / "bytes.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"file": "gone.json"}, "no such file: gone.json (relative paths start at"),
        ({"file": "mine.json", "response_split": "答："}, "`file` and `response_split` are both given"),
        ({"file": 3}, "file\n  Input is not a valid path"),
        ({}, "prompt_input\n  Field required"),
        ({**TEXTS, "prompt_input": "{instruction}"}, "`prompt_input` must hold {instruction} and then {input}"),
        ({**TEXTS, "eos": "如下"}, "the prompt holds '如下', which the format puts in by itself; leave it out"),
        ({**TEXTS, "eos": ""}, "eos\n  String should have at least 1 character"),
        ({**TEXTS, "texts": 1}, "texts\n  Extra inputs are not permitted"),
    ],
)
def test_unfit_fields_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read(**fields)


@pytest.mark.parametrize("domain", ["", " ", "医\n学", "{domain}"])
def test_a_domain_is_a_line_of_text(domain: str) -> None:
    with pytest.raises(ValueError, match="a domain is a line of text without braces, such as 医学; found"):
        make(Template, {"name": "chinese_domain", "domain": domain})


@pytest.mark.parametrize(
    ("bos", "eos", "pad"),
    [("<bos>", "<eos>", "<pad>"), ("<|begin_of_text|>", "<|end_of_text|>", "<|end_of_text|>"), ("", "</s>", "<pad>")],
)
def test_the_control_tokens_are_those_of_the_base(bos: str, eos: str, pad: str) -> None:
    template = make(Template, {"name": "alpaca_short", "bos": bos, "eos": eos, "pad": pad})
    encoder = Encoder(train([text for text in (pad, eos, bos) if text]), template)
    encoded = encoder.conversation(TURNS)
    assert decoded(encoder, encoded.ids) == f"{bos}### Instruction:\n春\n\n### Response:\n花{eos}"
    assert encoder.stop_ids == (encoder.eos_id,)
    with pytest.raises(ValueError, match="does not know '</s>' as one token, which template 'alpaca_short' needs"):
        Encoder(train(("<bos>", "<eos>", "<pad>", "<s>", "<unk>")), make(Template, "alpaca_short"))


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "adding.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    form = read(file=written(tmp_path, example)).form()
    pair = [Message("system", "谁来了？"), Message("user", "有朋自远方来。")]
    assert "".join(segment.text for segment in render(form, pair, reply=True)) == (
        "<s>请结合材料回答。\n\n问题：\n谁来了？\n\n材料：\n有朋自远方来。\n\n回答：\n"
    )


def test_the_class_is_the_plug_in() -> None:
    assert isinstance(read(**TEXTS), PromptJson)
