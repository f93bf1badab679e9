"""Messages as token ids with the mask of what is supervised, for training and for asking alike.

The text between two control tokens is one span (`model\\n答案`), tokenised at once, so the ids are those of the
rendered text. A token that holds both header and content counts as
supervised. A control string typed inside a content stays plain text: the one known difference from
`apply_chat_template`, which would make it a control token.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from tokenizers import Tokenizer

from zhiyin.chat.render import Segment, render
from zhiyin.chat.spans import Marked, PlainText, Span
from zhiyin.chat.templates import Template
from zhiyin.records.conversation import Message

BATCH = 512  # conversations tokenised at once: bounds the memory of the library's encodings, kilobytes a span


class Encoded(Struct, frozen=True, gc=False):
    """A conversation as tokens: `ids`, `mask` and `weights` have the same length, one entry a token."""

    ids: list[int]
    mask: list[bool]
    """True where the loss counts."""
    weights: list[float] | None = None
    """How much it counts there, 0 where it does not; None where every token counts 1."""


class _Control(Struct, frozen=True, gc=False):
    """One control token."""

    id: int
    supervised: bool


class Encoder:
    """A tokenizer and a template, checked to fit each other.

    Raises `ValueError` when the tokenizer does not read a control string as one token, or when it reads a span
    differently behind a control token than alone.
    """

    def __init__(self, tokenizer: Tokenizer, template: Template) -> None:
        self.tokenizer = _whole(tokenizer)
        """The tokenizer given, or a copy where that one cuts off or pads."""
        self.template = template
        self._form = template.form()
        self._ids = {control: _single_id(self.tokenizer, control, template) for control in self._form.controls}
        self._plain = PlainText(self.tokenizer, self._form.controls)
        self._check_spans()

    @property
    def bos_id(self) -> int | None:
        """None for a template without BOS."""
        return self._ids[self._form.bos] if self._form.bos else None

    @property
    def eos_id(self) -> int:
        """Ends a plain document; an answer ends at `stop_ids`."""
        return self._ids[self._form.eos]

    @property
    def pad_id(self) -> int:
        """Fills up batches."""
        return self._ids[self._form.pad]

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """Generation ends at any of these."""
        return tuple(self._ids[stop] for stop in self._form.stops)

    @property
    def control_ids(self) -> tuple[int, ...]:
        """Every control token of the template."""
        return tuple(self._ids.values())

    @property
    def raw_bos(self) -> bool:
        """Whether the tokenizer puts BOS in front of raw text by default; what `Prompt.add_bos=None` means."""
        return self.bos_id is not None and self.tokenizer.encode("").ids[:1] == [self.bos_id]

    def conversation(
        self, messages: Sequence[Message], *, score_header: bool = False, last_only: bool = False
    ) -> Encoded:
        """Return the tokens of a whole conversation; supervised are each assistant's text and what closes it.

        `last_only` supervises only the last assistant turn, as an answer to the turns before it. `score_header`
        also supervises the header, what follows the closing, and an EOS that is put at the end where the closing has
        none: the released SimPO code scores these (X18). Raises `ValueError` for roles out of order.
        """
        return self.conversations([messages], score_header=score_header, last_only=last_only)[0]

    def conversations(
        self, batch: Sequence[Sequence[Message]], *, score_header: bool = False, last_only: bool = False
    ) -> list[Encoded]:
        """Return `conversation` of each, twice as fast for many."""
        encoded: list[Encoded] = []
        for start in range(0, len(batch), BATCH):
            chunk = batch[start : start + BATCH]
            encoded += self._encode([self._scored(messages, score_header, last_only) for messages in chunk])
        return encoded

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens to continue from: the turns, of which the last is a user's, and the generation prefix."""
        if messages and messages[-1].role == "assistant":
            raise ValueError("a prompt ends with a user turn; the last turn found is the assistant's")
        segments = render(self._form, messages, reply=True)
        return self._encode([self._grouped(segments, lambda segment: False)])[0].ids

    def choice(self, messages: Sequence[Message], choice: str) -> tuple[list[int], list[int]]:
        """Return the tokens before an answer and those of the answer, without its stop token.

        Both are cut from the conversation with that answer, as in training. A token that holds the end of the
        header and the begin of the answer belongs to the answer. Raises `ValueError` for an answer without text.
        """
        return self.choices([(messages, choice)])[0]

    def choices(self, asked: Sequence[tuple[Sequence[Message], str]]) -> list[tuple[list[int], list[int]]]:
        """Return `choice` of each, with the turns that several have in common tokenised once."""
        wholes = self._encode([self._answered(messages, choice) for messages, choice in asked])
        return [_cut(whole, choice) for whole, (_, choice) in zip(wholes, asked, strict=True)]

    def texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of plain documents, without BOS and EOS; a control string in one stays plain text."""
        return self._plain.ids(texts)

    def _answered(self, messages: Sequence[Message], choice: str) -> list[Span | _Control]:
        """Return the pieces of a conversation with an answer, of which the text of the answer is supervised."""
        segments = render(self._form, [*messages, Message("assistant", choice)])
        return self._grouped(segments, lambda part: part.part == "content" and part.turn == len(messages))

    def _scored(self, messages: Sequence[Message], score_header: bool, last_only: bool) -> list[Span | _Control]:
        """Return the pieces of a conversation, as `conversation` supervises them."""
        last = max((turn for turn, message in enumerate(messages) if message.role == "assistant"), default=-1)

        def wanted(segment: Segment) -> bool:
            scored = score_header or segment.part in ("content", "closing")
            return scored and segment.role == "assistant" and (segment.turn == last or not last_only)

        pieces = self._grouped(render(self._form, messages), wanted)
        closed = self._form.eos in self._form.assistant.closing
        if score_header and not closed and last == len(messages) - 1:
            pieces.append(_Control(self.eos_id, True))
        return pieces

    def _grouped(self, segments: Sequence[Segment], wanted: Callable[[Segment], bool]) -> list[Span | _Control]:
        """Join neighbouring segments of text into spans; `wanted` says which segments are supervised."""
        pieces: list[Span | _Control] = []
        text, ranges = "", []
        for segment in segments:
            if not segment.control:
                if segment.text and wanted(segment):
                    ranges.append((len(text), len(text) + len(segment.text)))
                text += segment.text
                continue
            if text:
                pieces.append(Span(text, tuple(ranges), bool(pieces)))
                text, ranges = "", []
            pieces.append(_Control(self._ids[segment.text], wanted(segment)))
        return [*pieces, Span(text, tuple(ranges), bool(pieces))] if text else pieces

    def _encode(self, batch: Sequence[Sequence[Span | _Control]]) -> list[Encoded]:
        spans = dict.fromkeys(piece for pieces in batch for piece in pieces if isinstance(piece, Span))
        read = self._plain.encode(list(spans))
        return [_joined(pieces, read) for pieces in batch]

    def _check_spans(self) -> None:
        """Raise unless spans tokenised alone give the ids of the whole text, on one small conversation."""
        turns = [Message("user", "春眠 spring"), Message("assistant", "12 dawn。")]
        messages = [Message("system", "译文"), *turns, *turns]
        whole = "".join(segment.text for segment in render(self._form, messages))
        if self.conversation(messages).ids != self.tokenizer.encode(whole, add_special_tokens=False).ids:
            raise ValueError(
                f"the tokenizer reads text behind a control token of {self.template.name!r} differently than alone "
                "(a control token that eats white space beside it, or that is looked for in normalised text only)"
            )


def _cut(whole: Encoded, choice: str) -> tuple[list[int], list[int]]:
    """Return the tokens before the supervised ones, and these."""
    if True not in whole.mask:
        raise ValueError(f"the choice {choice!r} has no text to score (outer white space does not count)")
    start = whole.mask.index(True)
    return whole.ids[:start], [id for id, scored in zip(whole.ids, whole.mask, strict=True) if scored]


def _joined(pieces: Sequence[Span | _Control], read: Mapping[Span, Marked]) -> Encoded:
    """Put the tokens of spans and control tokens in a row."""
    ids: list[int] = []
    mask: list[bool] = []
    for piece in pieces:
        if isinstance(piece, _Control):
            ids.append(piece.id)
            mask.append(piece.supervised)
        else:
            found, supervised = read[piece]
            ids += found
            mask += supervised
    return Encoded(ids, mask)


def _whole(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer that neither truncates nor pads, as a `tokenizer.json` may tell it to."""
    if tokenizer.truncation is None and tokenizer.padding is None:
        return tokenizer
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _single_id(tokenizer: Tokenizer, control: str, template: Template) -> int:
    """Return the id of a control string; raises `ValueError` when it is not one token."""
    ids = tokenizer.encode(control, add_special_tokens=False).ids
    if len(ids) != 1 or tokenizer.token_to_id(control) != ids[0]:
        raise ValueError(
            f"the tokenizer does not know {control!r} as one token, which template {template.name!r} needs; "
            "choose the template this model was made with, or add the token"
        )
    return int(ids[0])
