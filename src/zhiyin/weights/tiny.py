"""Make a small model of a real architecture with random weights, to train from nothing on a CPU."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from zhiyin.artifacts import Checkpoint, Tokenizer
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.weights.foreseen import Foreseen


class Config(StepConfig):
    """Sizes of the model, in the words of its Hugging Face config."""

    architecture: Literal["gemma2", "llama"] = "gemma2"
    """Gemma-2 has soft-capping and a sliding window on every other layer; Llama has neither."""
    hidden_size: int = Field(default=192, ge=8)
    """Width of the residual stream."""
    intermediate_size: int = Field(default=768, ge=8)
    """Width of the gated MLP."""
    num_hidden_layers: int = Field(default=4, ge=1)
    """Layers; Gemma-2 alternates sliding-window and full attention, so an even number has both alike."""
    num_attention_heads: int = Field(default=4, ge=1)
    """Query heads."""
    num_key_value_heads: int = Field(default=2, ge=1)
    """Key and value heads; divides the query heads."""
    head_dim: int = Field(default=48, ge=8)
    """Width of one head."""
    sliding_window: int = Field(default=64, ge=2)
    """Tokens a sliding-window layer looks back (Gemma-2 only)."""
    max_position_embeddings: int = Field(default=512, ge=16)
    """Longest sequence, in tokens."""
    seed: int = 42
    """Of the random weights."""

    def foresee(self, inputs: Mapping[str, Any]) -> Foreseen | None:
        """The shapes are these fields, with the tokenizer's vocabulary: the one it has, or the one it is to have."""
        tokenizer = inputs["tokenizer"]
        if isinstance(tokenizer, Tokenizer):
            vocabulary = int(tokenizer.manifest.summary["vocabulary"])
            return Foreseen(self.shape(vocab_size=vocabulary), tokenizer.path)
        return Foreseen(self.shape(vocab_size=tokenizer)) if isinstance(tokenizer, int) else None

    def shape(self, **more: Any) -> dict[str, Any]:
        """Return the model's `config.json`, with what `more` adds."""
        sizes = {**self.model_dump(exclude={"architecture", "sliding_window", "seed"}), **more}
        if self.architecture == "gemma2":
            sizes |= {"query_pre_attn_scalar": self.head_dim, "sliding_window": self.sliding_window}
        return {"model_type": self.architecture, "tie_word_embeddings": True, **sizes}


def tiny(config: Config, *, out: Path, runtime: Runtime, tokenizer: Tokenizer) -> Checkpoint:
    """Write a randomly initialised checkpoint whose vocabulary is the tokenizer's."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    from zhiyin.chat.template import load_encoder

    disable_progress_bar()
    encoder = load_encoder(tokenizer.path)
    ids = {"bos_token_id": encoder.bos_id, "pad_token_id": encoder.pad_id, "eos_token_id": list(encoder.stop_ids)}
    shape = AutoConfig.for_model(**config.shape(vocab_size=encoder.tokenizer.get_vocab_size(), **ids))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = AutoModelForCausalLM.from_config(shape, dtype=torch.float32)
    model.save_pretrained(out)
    shutil.copytree(tokenizer.path, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
    return Checkpoint(out, {"parameters": model.num_parameters(), "architecture": config.architecture})
