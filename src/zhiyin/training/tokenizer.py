"""Train a byte-level BPE on the recipe's own text, with the control tokens of its chat template."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from zhiyin.artifacts import ConversationSet, TextSet, Tokenizer
from zhiyin.chat.templates import AnyTemplate
from zhiyin.execution.config import StepConfig
from zhiyin.execution.runtime import Runtime
from zhiyin.records.conversation import Document


class Config(StepConfig):
    """Size and template."""

    vocab_size: int = Field(default=2048, ge=300)
    """Tokens, the 256 bytes and the control tokens among them."""
    individual_digits: bool = True
    """Every digit is a token, as in Gemma; otherwise frequent numbers become tokens of their own."""
    template: AnyTemplate
    """The chat template whose control strings become single tokens, and which is saved with the tokenizer."""

    def foresee(self, inputs: Mapping[str, Any]) -> int:
        """The vocabulary has this many tokens, or fewer where the text has fewer pairs to join."""
        return self.vocab_size


def tokenizer(
    config: Config, *, out: Path, runtime: Runtime, texts: Mapping[str, TextSet | ConversationSet]
) -> Tokenizer:
    """Train on every text, in the order of `texts`."""
    from tokenizers import Tokenizer as Bpe
    from tokenizers import decoders, models, pre_tokenizers, trainers

    from zhiyin.chat.template import write_tokenizer

    bpe = Bpe(models.BPE())
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if config.individual_digits else []
    bpe.pre_tokenizer = pre_tokenizers.Sequence([*digits, words])
    bpe.decoder = decoders.ByteLevel()
    form = config.template.form()
    controls = dict.fromkeys((form.pad, form.eos, form.bos, "<unk>", *form.controls))
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        special_tokens=[text for text in controls if text],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_lines(texts), trainer)
    write_tokenizer(bpe, config.template, out)
    return Tokenizer(out, {"vocabulary": bpe.get_vocab_size(), "template": config.template.name})


def _lines(texts: Mapping[str, TextSet | ConversationSet]) -> Iterator[str]:
    for records in texts.values():
        for record in records:
            if isinstance(record, Document):
                yield record.text
            else:
                yield from (message.content for message in record.messages)
