"""The real Llama-3 tokenizer: ids, BOS and merges on real Chinese text."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.chat.toys import as_dicts
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import TikTokenConverter

from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import load_encoder, write_tokenizer
from zhiyin.chat.templates import Template
from zhiyin.chat.templates.llama3 import Llama3
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Message

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
RANKS = DATA / "tokenizers" / "llama3" / "tokenizer.model"
ROWS = DATA / "llamafactory_demo" / "alpaca_zh_demo.json"
NAMED = {0: "begin_of_text", 1: "end_of_text", 6: "start_header_id", 7: "end_header_id", 9: "eot_id"}
SPECIALS = [f"<|{NAMED.get(index, f'reserved_special_token_{index}')}|>" for index in range(256)]
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

pytestmark = pytest.mark.skipif(not (RANKS.exists() and ROWS.exists()), reason=f"needs {RANKS} and {ROWS}")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Return the encoder of the real tokenizer, converted from its ranks."""
    converted: Tokenizer = TikTokenConverter(str(RANKS), pattern=WORDS, extra_special_tokens=SPECIALS).converted()
    return Encoder(converted, Llama3())


@pytest.fixture(scope="module")
def rows() -> list[list[Message]]:
    """Return 1,000 real instructions and answers."""
    found = json.loads(ROWS.read_text(encoding="utf-8"))
    return [[Message("user", row["instruction"]), Message("assistant", row["output"])] for row in found]


def test_known_ids(encoder: Encoder) -> None:
    assert (encoder.bos_id, encoder.pad_id, encoder.stop_ids) == (128000, 128001, (128009, 128001))
    context, answer = encoder.choice([Message("user", "你好")], "你好")
    assert context == [128000, 128006, 882, 128007, 271, 57668, 53901, 128009, 128006, 78191, 128007, 271]
    assert answer == [57668, 53901]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alpaca", "alpaca_legacy", "alpaca_short", "vigogne_style"])
def test_formats_of_text_on_llama_3(encoder: Encoder, rows: list[list[Message]], tmp_path: Path, name: str) -> None:
    """Its plain tokens are those of the base model: it ends a text with `<|end_of_text|>`."""
    tokens = {"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>", "pad": "<|end_of_text|>"}
    plain = Encoder(encoder.tokenizer, make(Template, {"name": name, **tokens}))
    write_tokenizer(plain.tokenizer, plain.template, tmp_path)
    foreign: Any = AutoTokenizer.from_pretrained(tmp_path)
    dialogues = [[*first, *second] for first, second in zip(rows[:100], rows[100:200], strict=True)]
    theirs = foreign.apply_chat_template([as_dicts(dialogue) for dialogue in dialogues], return_dict=False)
    encoded = plain.conversations(dialogues)
    assert [one.ids for one in encoded] == theirs
    assert {(one.ids.count(128000), one.ids.count(128001)) for one in encoded} == {(1, 2)}


@pytest.mark.slow
def test_ids_are_those_of_transformers_on_real_text(
    encoder: Encoder, tmp_path: Path, rows: list[list[Message]]
) -> None:
    write_tokenizer(encoder.tokenizer, Llama3(), tmp_path)
    foreign: Any = AutoTokenizer.from_pretrained(tmp_path)
    opened = load_encoder(tmp_path)
    theirs = foreign.apply_chat_template([as_dicts(row) for row in rows], tokenize=True, return_dict=False)
    assert len(rows) == 1000
    assert [encoded.ids for encoded in opened.conversations(rows)] == theirs
    assert opened.raw_bos
    assert foreign("你好").input_ids == opened.tokenizer.encode("你好").ids == [128000, 57668, 53901]


def test_no_token_reaches_across_header_and_content(encoder: Encoder, rows: list[list[Message]]) -> None:
    """Its word pattern ends a run of newlines before a letter, digit or mark, and contents are trimmed."""
    header = encoder.prompt([Message("user", "你好")])[-4:]
    for row, encoded in zip(rows, encoder.conversations(rows), strict=True):
        start = encoded.mask.index(True)
        assert encoded.ids[start - 4 : start] == header
        answer = [id for id, mask in zip(encoded.ids, encoded.mask, strict=True) if mask]
        assert encoder.tokenizer.decode(answer[:-1], skip_special_tokens=False) == row[1].content.strip()
        assert answer[-1] == encoder.stop_ids[0]
