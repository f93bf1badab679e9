"""A small encoder, and small models of two architectures whose every parameter is random."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, Gemma2Config, LlamaConfig, PreTrainedConfig, PreTrainedModel

from zhiyin.chat.encode import Encoder
from zhiyin.chat.template import load_encoder, write_tokenizer
from zhiyin.chat.templates.gemma2 import Gemma2

SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
CORPUS = [
    "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
    "user\n中国的首都是北京。 model\nThe capital of China is Beijing.",
    "一加一等于二，二加二等于四。答案是：A。答案是： B。",
]
POSITIONS = 96
SEED = 0
"""Of the weights: whatever ran before, the models are the same."""


@pytest.fixture(autouse=True)
def _the_same_random_numbers() -> None:
    """A test that makes a model of its own gets the same one whatever ran before."""
    torch.manual_seed(SEED)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(bpe, Gemma2(), folder)
    return load_encoder(folder)


def shape(architecture: str, vocabulary: int) -> PreTrainedConfig:
    sizes: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": POSITIONS,
        # A random model with a tied head repeats its last token for ever, which tests nothing.
        "tie_word_embeddings": False,
        # Settings a checkpoint may bring along, and which must not steer generation.
        "bos_token_id": 2,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    if architecture == "gemma2":
        return Gemma2Config(**sizes, query_pre_attn_scalar=16, sliding_window=16, final_logit_softcapping=5.0)
    return LlamaConfig(**sizes)


def build(architecture: str, vocabulary: int) -> PreTrainedModel:
    """Return a model whose norms and biases are random too, so that a wrong use of one cannot hide."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = AutoModelForCausalLM.from_config(
            shape(architecture, vocabulary), dtype=torch.float32, attn_implementation="eager"
        )
    noise = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=noise) * 0.15)
    return cast("PreTrainedModel", model.eval())


@pytest.fixture(scope="session", params=["gemma2", "llama"])
def model(request: pytest.FixtureRequest, encoder: Encoder) -> PreTrainedModel:
    return build(request.param, encoder.tokenizer.get_vocab_size())


@pytest.fixture(scope="session")
def gemma2(encoder: Encoder) -> PreTrainedModel:
    return build("gemma2", encoder.tokenizer.get_vocab_size())


@pytest.fixture(scope="session")
def folder(encoder: Encoder, gemma2: PreTrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma-2 checkpoint on disk, with its tokenizer."""
    path = tmp_path_factory.mktemp("checkpoint")
    write_tokenizer(encoder.tokenizer, Gemma2(), path)
    gemma2.save_pretrained(path)
    return path
