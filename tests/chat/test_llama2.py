"""The real LLaMA tokenizer in each form it is shipped in, and Chinese-LLaMA's extension of it, with formats of text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from sentencepiece import sentencepiece_model_pb2
from tests.chat.toys import as_dicts, calm, conversations, decoded, hostile
from tokenizers import AddedToken, Tokenizer, normalizers
from tokenizers.pre_tokenizers import Metaspace
from transformers import AutoTokenizer, LlamaTokenizer

from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import write_tokenizer
from zhiyin.chat.templates import Template
from zhiyin.execution.catalog import make
from zhiyin.records.conversation import Message

FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "tokenizers"
LLAMA, CHINESE = FILES / "llama2" / "tokenizer.model", FILES / "chinese_sp" / "chinese_sp.model"
TEMPLATES = ("alpaca_legacy", "chinese_domain")
ALIKE = ("alpaca", "alpaca_short", "vigogne_style")
TURNS = [Message("user", "春眠"), Message("assistant", "花落"), Message("user", "夜来"), Message("assistant", "风雨")]

pytestmark = pytest.mark.skipif(not (LLAMA.exists() and CHINESE.exists()), reason=f"needs {LLAMA} and {CHINESE}")


def opened(folder: Path, model: bytes, **options: Any) -> Tokenizer:
    """Return the tokenizer that `transformers` makes of a SentencePiece model."""
    (folder / "tokenizer.model").write_bytes(model)
    backend: Tokenizer = LlamaTokenizer.from_pretrained(folder, **options).backend_tokenizer
    return backend


def normalised(tokenizer: Tokenizer) -> Tokenizer:
    """Return the form of the files on the hub: a normaliser puts the space in front of every piece of text."""
    settings = json.loads(tokenizer.to_str())
    steps = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    changed = Tokenizer.from_str(json.dumps({**settings, "pre_tokenizer": None}))
    changed.normalizer = normalizers.Sequence(steps)
    return changed


def extended() -> bytes:
    """Return LLaMA's model with the Chinese pieces it lacks behind its own, as Chinese-LLaMA was made."""
    proto: Any = sentencepiece_model_pb2
    model, chinese = proto.ModelProto(), proto.ModelProto()
    model.ParseFromString(LLAMA.read_bytes())
    chinese.ParseFromString(CHINESE.read_bytes())
    known = {piece.piece for piece in model.pieces}
    new = [piece.piece for piece in chinese.pieces if piece.piece not in known]
    model.pieces.extend(proto.ModelProto.SentencePiece(piece=piece, score=0) for piece in new)
    whole: bytes = model.SerializeToString()
    return whole


@pytest.fixture(scope="module", params=["first word", "every text", "hub", "extended"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """Return LLaMA's tokenizer, named by where it puts a space that nobody wrote."""
    folder = tmp_path_factory.mktemp("llama")
    if request.param == "extended":
        return opened(folder, extended(), legacy=True)
    backend = opened(folder, LLAMA.read_bytes(), legacy=request.param != "first word")
    return normalised(backend) if request.param == "hub" else backend


@pytest.fixture(scope="module", params=[*TEMPLATES, *(pytest.param(name, marks=pytest.mark.slow) for name in ALIKE)])
def encoder(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> Encoder:
    """Return the encoder of one format of text over one form of the tokenizer."""
    fields = {"domain": "医学"} if request.param == "chinese_domain" else {}
    return Encoder(tokenizer, make(Template, {"name": request.param, **fields}))


@pytest.fixture(scope="module")
def foreign(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the folder we write, as `transformers` opens it."""
    folder = tmp_path_factory.mktemp("written")
    write_tokenizer(encoder.tokenizer, encoder.template, folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return AutoTokenizer.from_pretrained(folder)


def supervised(ids: list[int], mask: list[bool]) -> list[int]:
    return [id for id, scored in zip(ids, mask, strict=True) if scored]


@calm
@given(messages=conversations())
def test_ids_are_those_of_the_rendered_jinja(encoder: Encoder, foreign: Any, messages: list[Message]) -> None:
    assert foreign.apply_chat_template(as_dicts(messages), return_dict=False) == encoder.conversation(messages).ids
    asked = messages if messages[-1].role == "user" else messages[:-1]
    prompt = foreign.apply_chat_template(as_dicts(asked), add_generation_prompt=True, return_dict=False)
    assert prompt == encoder.prompt(asked)


@calm
@given(messages=conversations(hostile))
def test_there_is_one_bos_and_an_eos_for_every_answer(encoder: Encoder, messages: list[Message]) -> None:
    encoded = encoder.conversation(messages)
    answers = sum(message.role == "assistant" for message in messages)
    assert (encoded.ids.count(1), encoded.ids.count(2)) == (1, answers)
    assert encoded.ids[0] == 1
    assert supervised(encoded.ids, encoded.mask).count(2) == answers


def test_the_known_tokens(tokenizer: Tokenizer) -> None:
    encoder = Encoder(tokenizer, make(Template, "alpaca_short"))
    assert (encoder.bos_id, encoder.eos_id, encoder.pad_id, encoder.stop_ids) == (1, 2, 0, (2,))
    encoded = encoder.conversation(TURNS)
    tokens = [encoder.tokenizer.id_to_token(id) for id in encoded.ids]
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    spaces = tokenizer.pre_tokenizer
    first = isinstance(spaces, Metaspace) and spaces.prepend_scheme == "first"
    assert tokens[1] == ("##" if first else "\u2581###")
    behind = tokens[tokens.index("</s>") + 1 :]
    assert behind[:2] == (["<0x0A>", "<0x0A>"] if first else ["\u2581", "<0x0A>"])


def test_the_mask_is_each_answer_and_its_eos(encoder: Encoder) -> None:
    encoded = encoder.conversation(TURNS)
    runs: list[list[int]] = [[]]
    for id, scored in zip(encoded.ids, encoded.mask, strict=True):
        if scored:
            runs[-1].append(id)
        elif runs[-1]:
            runs.append([])
    assert [decoded(encoder, run) for run in runs] == ["花落</s>", "风雨</s>"]


def test_the_answer_begins_where_the_prompt_ends(encoder: Encoder) -> None:
    encoded = encoder.conversation(TURNS, last_only=True)
    assert encoder.prompt(TURNS[:-1]) == encoded.ids[: encoded.mask.index(True)]
    context, choice = encoder.choice(TURNS[:-1], "风雨")
    assert [*context, *choice, 2] == encoded.ids


def test_a_text_is_read_as_the_tokenizer_reads_texts(encoder: Encoder) -> None:
    for text in ("Spring sleep", "春眠不觉晓", " 春", ""):
        assert encoder.texts([text]) == [encoder.tokenizer.encode(text, add_special_tokens=False).ids]


def test_chinese_llama_has_its_known_size(tmp_path: Path) -> None:
    assert opened(tmp_path, extended()).get_vocab_size() == 49953


def test_control_strings_that_are_looked_for_after_normalising_are_refused(tmp_path: Path) -> None:
    """Such files exist: `a</s>` never becomes a control token there, since the normaliser wrote `\u2581</s>`."""
    hub = json.loads(normalised(opened(tmp_path, LLAMA.read_bytes())).to_str())
    for token in hub["added_tokens"]:
        token["normalized"] = True
    with pytest.raises(ValueError, match="that is looked for in normalised text only"):
        Encoder(Tokenizer.from_str(json.dumps(hub)), make(Template, "alpaca"))


def test_marks_of_another_format_can_be_added(tmp_path: Path) -> None:
    """Gemma's turns on LLaMA's tokenizer: what stands behind an added token is no first word either."""
    tokenizer = opened(tmp_path, LLAMA.read_bytes(), legacy=False)
    assert isinstance(tokenizer.pre_tokenizer, Metaspace)
    template = make(Template, "gemma2")
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in template.form().controls]
    )
    ids = Encoder(tokenizer, template).conversation(TURNS).ids
    whole = "".join(
        f"<start_of_turn>{'user' if place % 2 == 0 else 'model'}\n{turn.content}<end_of_turn>\n"
        for place, turn in enumerate(TURNS)
    )
    assert ids == tokenizer.encode(f"<bos>{whole}", add_special_tokens=False).ids
