"""The shapes foreseen of a model are those it then has."""

import json
from pathlib import Path

import pytest

from zhiyin.artifacts import Checkpoint
from zhiyin.execution.runtime import Runtime
from zhiyin.training import tokenizer
from zhiyin.weights import merge, tiny
from zhiyin.weights.foreseen import Foreseen, foreseen

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 8}


@pytest.mark.parametrize("architecture", ["gemma2", "llama"])
def test_a_small_model_becomes_what_was_foreseen(architecture: str, tmp_path: Path) -> None:
    from zhiyin.artifacts import TextSet
    from zhiyin.records.conversation import Document

    for name in ("texts", "tokenizer", "model"):
        (tmp_path / name).mkdir()
    texts = TextSet.write(tmp_path / "texts", [Document("1", "白日依山尽，黄河入海流。" * 9, "test")])
    settings = tokenizer.Config.model_validate({"vocab_size": 300, "template": "gemma2"})
    words = tokenizer.tokenizer(settings, out=tmp_path / "tokenizer", runtime=Runtime(), texts={"texts": texts})
    config = tiny.Config.model_validate({**SIZES, "num_key_value_heads": 1, "architecture": architecture})
    made = tiny.tiny(config, out=tmp_path / "model", runtime=Runtime(), tokenizer=words)
    found = foreseen(made)
    told = config.foresee({"tokenizer": settings.foresee({})})
    assert found is not None
    assert told is not None
    assert found.tokenizer == made.path
    assert told.tokenizer is None
    written = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert dict(found.shape) == written
    # the text has fewer pairs to join than there may be tokens
    assert {key: value for key, value in told.shape.items() if written.get(key) != value} == {"vocab_size": 300}
    assert written["vocab_size"] < 300


def test_nothing_is_known_of_what_has_no_config(tmp_path: Path) -> None:
    assert foreseen(None) is None
    assert foreseen(Checkpoint(tmp_path)) is None
    assert tiny.Config().foresee({"tokenizer": None}) is None


def test_a_merge_has_the_shapes_of_its_base() -> None:
    base = Foreseen({"model_type": "llama"})
    assert merge.Config().foresee({"adapter": base}) is base
