"""From a prompt, free of any model, to the token ids of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Prompt

if TYPE_CHECKING:
    from zhiyin.chat.encode import Encoder

BATCH = 256
"""Prompts tokenised at once: bounds the memory of the library's encodings."""
Ids = tuple[int, ...]
Messages = tuple[Message, ...]
Answered = tuple[Messages, str]
"""Turns, and an answer to them."""


@dataclass(frozen=True)
class Continuation:
    """What is given, and what is scored after it, as token ids; neither may be empty."""

    context: tuple[int, ...]
    tokens: tuple[int, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """What the model reads: all but the last token, whose own successor nobody asks for."""
        return self.context + self.tokens[:-1]

    def within(self, positions: int | None) -> Continuation:
        """Cut the head until the inputs fit into that many positions, as lm-eval does, BOS first; None is no limit.

        Scored tokens go only when they do not fit by themselves, and one token of context always stays.
        """
        if positions is None or len(self.inputs) <= positions:
            return self
        scored = min(len(self.tokens), positions)
        whole = (self.context + self.tokens)[-(positions + 1) :]
        return Continuation(whole[:-scored], whole[-scored:])


def check(prompt: Prompt) -> None:
    """Raise `ValueError`, with the prompt's id, for one that cannot be asked."""
    if (prompt.text is None) == (not prompt.messages):
        raise ValueError(f"prompt {prompt.id!r}: give it either `messages` or `text`; it has both or neither")
    if prompt.messages and prompt.add_bos is not None:
        raise ValueError(f"prompt {prompt.id!r}: `add_bos` is for raw text; the template decides for messages")
    if prompt.samples < 1 or (prompt.choices and prompt.samples > 1):
        raise ValueError(f"prompt {prompt.id!r}: {prompt.samples} samples; choices are scored once, answers 1 or more")


def question_ids(prompt: Prompt, encoder: Encoder) -> tuple[int, ...]:
    """Return what the model reads before it answers: messages by the template, raw text as it stands."""
    check(prompt)
    with _naming(prompt):
        if prompt.text is None:
            return tuple(encoder.prompt(prompt.messages))
        ids = (*_bos(prompt, encoder), *_raw(prompt.text, encoder))
        if not ids:
            raise ValueError("its text is empty and there is no BOS, so there is nothing to go on from")
        return ids


def continuation(prompt: Prompt, choice: str, encoder: Encoder, texts: _Texts | None = None) -> Continuation:
    """Return the tokens of a choice, and those before it. Raises `ValueError` when the choice adds no token.

    Raw text is cut as lm-eval 0.4 cuts it (`_encode_pair`): white space at the end of the text belongs to the choice;
    text and choice are tokenised in one piece, and the choice is what follows the tokens of the text alone. Where
    that piece does not begin with those tokens (a token reaches across), the choice is every token that ends in it.
    An empty text scores the choice as a whole text, from BOS, or from EOS where the template has no BOS.
    `texts` holds what was tokenised beforehand.
    """
    check(prompt)
    with _naming(prompt):
        texts = texts or _Texts(encoder)
        if prompt.text is None:
            found = texts.answered(prompt.messages, choice)
        else:
            found = _raw_continuation(prompt, prompt.text, choice, encoder, texts)
        if not found.tokens or not found.context:
            raise ValueError(f"choice {choice!r} has no token to score, or nothing stands before it")
        return found


def continuations(prompts: Sequence[Prompt], encoder: Encoder) -> list[list[Continuation]]:
    """Return `continuation` of every choice of each prompt, tokenised many at a time and each text once."""
    found: list[list[Continuation]] = []
    for begin in range(0, len(prompts), BATCH):
        some = prompts[begin : begin + BATCH]
        texts = _Texts(encoder)
        for prompt in some:
            if prompt.text:
                texts.want(prompt.text.rstrip(), *(prompt.text + choice for choice in prompt.choices))
            elif prompt.text is None:
                texts.want_answered(prompt.messages, prompt.choices)
        texts.read()
        found += [[continuation(prompt, choice, encoder, texts) for choice in prompt.choices] for prompt in some]
    return found


class _Texts:
    """Raw texts and answered turns as token ids, those that were wanted beforehand read in one go."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._ids: dict[str, Ids] = {}
        self._wanted: dict[str, None] = {}
        self._answers: dict[Answered, Continuation] = {}
        self._to_answer: dict[Answered, None] = {}

    def want(self, *texts: str) -> None:
        """Name texts to be read together."""
        self._wanted.update(dict.fromkeys(texts))

    def want_answered(self, messages: Messages, choices: Sequence[str]) -> None:
        """Name the answers to some turns that are to be read together."""
        self._to_answer.update(((messages, choice), None) for choice in choices)

    def read(self) -> None:
        """Read what is wanted; raw texts without offsets, which take as long again."""
        wanted = list(self._wanted)
        encodings = self._encoder.tokenizer.encode_batch_fast(wanted, add_special_tokens=False)
        self._ids.update((text, tuple(encoding.ids)) for text, encoding in zip(wanted, encodings, strict=True))
        self._wanted.clear()
        # What cannot be read is told when it is asked for, by whoever knows the prompt's id.
        with suppress(ValueError):
            self._answers.update(self._read_answers(list(self._to_answer)))
        self._to_answer.clear()

    def answered(self, messages: Messages, choice: str) -> Continuation:
        """Return an answer to some turns, read now where it was not wanted."""
        asked = messages, choice
        return self._answers.get(asked) or self._read_answers([asked])[asked]

    def _read_answers(self, asked: Sequence[Answered]) -> dict[Answered, Continuation]:
        found = self._encoder.choices(asked)
        return {one: Continuation(tuple(before), tuple(ids)) for one, (before, ids) in zip(asked, found, strict=True)}

    def ids(self, text: str) -> Ids:
        """Return the ids of a text, read now where it was not wanted."""
        found = self._ids.get(text)
        return _raw(text, self._encoder) if found is None else found


def _raw_continuation(prompt: Prompt, text: str, choice: str, encoder: Encoder, texts: _Texts) -> Continuation:
    if text == "":
        if prompt.add_bos is False:
            raise ValueError("an empty text is scored from BOS, so `add_bos` cannot be false")
        first = encoder.eos_id if encoder.bos_id is None else encoder.bos_id
        return Continuation((first,), _raw(choice, encoder))
    given = text.rstrip()
    before, whole = texts.ids(given), texts.ids(text + choice)
    cut = len(before)
    if whole[:cut] != before:
        offsets = encoder.tokenizer.encode(text + choice, add_special_tokens=False).offsets
        cut = sum(end <= len(given) for _, end in offsets)
    return Continuation((*_bos(prompt, encoder), *whole[:cut]), whole[cut:])


def _raw(text: str, encoder: Encoder) -> tuple[int, ...]:
    """Return the ids of a text as the tokenizer reads it; control strings in it are control tokens."""
    return tuple(encoder.tokenizer.encode(text, add_special_tokens=False).ids)


def _bos(prompt: Prompt, encoder: Encoder) -> tuple[int, ...]:
    wanted = encoder.raw_bos if prompt.add_bos is None else prompt.add_bos
    if wanted and encoder.bos_id is None:
        raise ValueError(f"it asks for BOS, which template {encoder.template.name!r} does not have")
    return (encoder.bos_id,) if wanted and encoder.bos_id is not None else ()


@contextmanager
def _naming(prompt: Prompt) -> Iterator[None]:
    """Put the prompt's id into the errors of the block."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"prompt {prompt.id!r}: {error}") from error
