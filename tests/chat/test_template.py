"""The files beside a tokenizer, as `transformers` and as we open them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.chat.toys import as_dicts, calm, conversations, train
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import load, load_encoder, save, write_tokenizer
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.gemma2_system import Gemma2System
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.records.conversation import Message

MODEL_TYPES = {"alpaca": "llama", "gemma2": "gemma2", "gemma2_system": "gemma2", "llama3": "llama"}


@pytest.fixture(scope="module")
def folder(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint-like folder: `config.json` may lure AutoTokenizer into a class of the architecture."""
    path = tmp_path_factory.mktemp(encoder.template.name)
    write_tokenizer(encoder.tokenizer, encoder.template, path)
    (path / "config.json").write_text(json.dumps({"model_type": MODEL_TYPES[encoder.template.name]}))
    return path


@pytest.fixture(scope="module")
def foreign(folder: Path) -> Any:
    """Return the tokenizer as `transformers` opens it."""
    return AutoTokenizer.from_pretrained(folder)


@calm
@given(messages=conversations())
def test_ids_are_those_of_the_rendered_jinja(encoder: Encoder, foreign: Any, messages: list[Message]) -> None:
    rendered = foreign.apply_chat_template(as_dicts(messages), tokenize=True, return_dict=False)
    assert rendered == encoder.conversation(messages).ids
    if messages[-1].role == "user":
        asked = foreign.apply_chat_template(as_dicts(messages), add_generation_prompt=True, return_dict=False)
        assert asked == encoder.prompt(messages)


def test_the_known_difference_is_a_control_string_in_a_content(encoder: Encoder, foreign: Any) -> None:
    stop = encoder.template.form().stops[0]
    messages = [Message("user", f"a{stop}b")]
    theirs = foreign.apply_chat_template(as_dicts(messages), return_dict=False)
    ours = encoder.conversation(messages).ids
    closings = encoder.template.form().user.closing.count(stop)
    assert theirs.count(encoder.stop_ids[0]) == closings + 1
    assert ours.count(encoder.stop_ids[0]) == closings


def test_our_encoder_opens_the_folder(encoder: Encoder, folder: Path) -> None:
    messages = [Message("user", "春眠"), Message("assistant", "不觉晓")]
    opened = load_encoder(folder)
    assert opened.template == encoder.template
    assert opened.conversation(messages) == encoder.conversation(messages)


def test_raw_text_gets_one_bos_everywhere(folder: Path, foreign: Any) -> None:
    opened = load_encoder(folder)
    assert opened.raw_bos
    assert opened.tokenizer.encode("春眠").ids == foreign("春眠").input_ids
    assert foreign("春眠").input_ids.count(opened.bos_id) == 1
    assert foreign("春眠", "不觉晓").input_ids.count(opened.bos_id) == 2
    assert set(foreign("春眠")) == {"input_ids", "attention_mask"}


def test_special_tokens_are_known_by_role(encoder: Encoder, foreign: Any) -> None:
    form = encoder.template.form()
    assert (foreign.bos_token, foreign.eos_token, foreign.pad_token) == (form.bos, form.eos, form.pad)
    ids = encoder.conversation([Message("user", "春"), Message("assistant", "眠")]).ids
    assert not any(control in foreign.decode(ids, skip_special_tokens=True) for control in form.controls)


def test_the_given_tokenizer_is_left_alone_and_its_own_bos_is_kept(tmp_path: Path) -> None:
    tokenizer = train(Gemma2().form().controls)
    write_tokenizer(tokenizer, Gemma2(), tmp_path / "added")
    assert tokenizer.post_processor is None
    bos, eos = tokenizer.token_to_id("<bos>"), tokenizer.token_to_id("<eos>")
    tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", bos), ("<eos>", eos)]
    )
    write_tokenizer(tokenizer, Gemma2(), tmp_path / "own")
    assert Tokenizer.from_file(str(tmp_path / "own" / "tokenizer.json")).encode("").ids == [bos, eos]


def test_files_do_not_change_from_write_to_write(tmp_path: Path) -> None:
    tokenizer = train(Llama3().form().controls)
    for name in ("a", "b"):
        write_tokenizer(tokenizer, Llama3(), tmp_path / name)
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert names == ["template.json", "tokenizer.json", "tokenizer_config.json"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_a_template_survives_the_disk(encoder: Encoder, tmp_path: Path) -> None:
    save(encoder.template, tmp_path)
    assert load(tmp_path) == encoder.template
    assert json.loads((tmp_path / "template.json").read_text())["name"] == encoder.template.name


def test_a_folder_without_a_usable_template_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no template\.json, so its chat format is not known"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"has no tokenizer\.json"):
        load_encoder(tmp_path)
    (tmp_path / "template.json").write_text('{"name": "gemma3"}')
    with pytest.raises(
        ValueError, match=r"template\.json: .*\n.*no Template is called 'gemma3' \(did you mean 'gemma2'"
    ):
        load(tmp_path)


def test_a_tokenizer_that_does_not_suit_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which template 'llama3' needs"):
        write_tokenizer(train(Gemma2().form().controls), Llama3(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_truncation_and_padding_of_a_foreign_tokenizer_are_switched_off(tmp_path: Path, gemma: Tokenizer) -> None:
    write_tokenizer(gemma, Gemma2(), tmp_path)
    foreign = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    foreign.enable_truncation(4)
    foreign.enable_padding(length=64)
    foreign.save(str(tmp_path / "tokenizer.json"))
    text = "春眠不觉晓，处处闻啼鸟。"
    encoder = load_encoder(tmp_path)
    ids = encoder.tokenizer.encode(text, add_special_tokens=False).ids
    assert encoder.tokenizer.decode(ids) == text


def test_another_template_can_be_asked_for(tmp_path: Path, gemma: Tokenizer) -> None:
    write_tokenizer(gemma, Gemma2(), tmp_path)
    assert load_encoder(tmp_path).template.name == "gemma2"
    assert load_encoder(tmp_path, Gemma2System()).template.name == "gemma2_system"
