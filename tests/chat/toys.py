"""Small tokenizers trained on the spot, and conversations drawn at random."""

from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from zhiyin.chat.encode import Encoder
from zhiyin.chat.templates import Template
from zhiyin.records.conversation import Message

GEMMA = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
CORPUS = (
    "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
    "the user asks, the model answers: 3 + 4 = 7, 12 * 3 = 36",
    "system user assistant model\n请翻译 hello world。\n答案",
)
CONTROLS = (
    *GEMMA,
    "<s>",
    "</s>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)

calm = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Hypothesis without its clock: the machine may be busy."""

letters = st.one_of(st.characters(codec="utf-8"), st.sampled_from("\n \t\u3000<>|_/'\"\\{}%春眠不觉晓3+47 modeluser"))
plain = st.text(letters, max_size=24).filter(lambda text: not any(control in text for control in CONTROLS))
hostile = st.lists(st.one_of(plain, st.sampled_from(CONTROLS)), max_size=5).map("".join)


@st.composite
def conversations(draw: st.DrawFn, content: st.SearchStrategy[str] = plain) -> list[Message]:
    """Draw an optional system turn, then one to five turns of user and assistant."""
    messages = [Message("system", draw(content))] if draw(st.booleans()) else []
    for index in range(draw(st.integers(1, 5))):
        messages.append(Message("assistant" if index % 2 else "user", draw(content)))
    return messages


def train(specials: Sequence[str], corpus: Sequence[str] = CORPUS, *, split_words: bool = True) -> Tokenizer:
    """Train a byte-level BPE; the special tokens have the first ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split_words)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=[AddedToken(text, special=True, normalized=False) for text in dict.fromkeys(specials)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(corpus) * 20, trainer)
    return tokenizer


def small_encoder(template: Template) -> Encoder:
    """Return an encoder of any template; one with Gemma's strings has Gemma-2's ids."""
    controls = template.form().controls
    return Encoder(train(GEMMA if set(controls) <= set(GEMMA) else controls), template)


def decoded(encoder: Encoder, ids: list[int]) -> str:
    """Return the text of tokens, control tokens included."""
    return str(encoder.tokenizer.decode(ids, skip_special_tokens=False))


def scored(encoder: Encoder, ids: list[int], mask: list[bool]) -> str:
    """Return the text of the supervised tokens."""
    return decoded(encoder, [id for id, supervised in zip(ids, mask, strict=True) if supervised])


def as_dicts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return the messages as `apply_chat_template` wants them."""
    return [{"role": message.role, "content": message.content} for message in messages]
