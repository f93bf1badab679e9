"""What a model is asked, free of any model, and what it answered, as data."""

from typing import Literal

from msgspec import Struct

from zhiyin.records.conversation import Message, Meta


class Prompt(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request. Either `messages`, rendered by the model's template, or `text`, given raw."""

    id: str
    messages: tuple[Message, ...] = ()
    text: str | None = None
    """A raw prompt, without a template; `""` scores the choice from the start of the text."""
    add_bos: bool | None = None
    """Of a raw prompt: put BOS in front, or not; None does what the tokenizer does by default."""
    choices: tuple[str, ...] = ()
    """Exact continuations whose log-probabilities are wanted; without them, text is generated."""
    reference: str = ""
    """The right answer, in the benchmark's own form."""
    group: str = ""
    """Prompts of one group (a subject) share a prefix, and are averaged together."""
    samples: int = 1
    """How many answers to generate."""
    meta: Meta = {}
    """The benchmark's own. Where a prompt holds more than the item, such as worked examples or an instruction that all
    items share, `question` is the item's question alone, and `options` lists the texts it offers: what training data
    must not hold."""


class Completion(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An answer. Log-probabilities are natural logarithms, summed over the tokens of each choice."""

    prompt_id: str
    sample: int = 0
    text: str = ""
    choice_logprobs: tuple[float, ...] = ()
    choice_tokens: tuple[int, ...] = ()
    """Tokens scored in each choice."""
    stopped: Literal["stop", "length", ""] = ""
    """Why generation ended: a stop token, or the limit. Empty when nothing was generated."""
    tokens: int = 0
    """Generated tokens."""
    prompt_tokens: int = 0
    truncated: bool = False
    """The prompt was longer than the model takes, and its head was cut off."""
    trace: str | None = None
    """What a reasoning strategy did on the way."""
