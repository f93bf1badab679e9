"""Text that holds no control token, whatever is typed in it: what stands between two control tokens."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from typing import Any

from msgspec import Struct
from tokenizers import Encoding, Tokenizer

from zhiyin.chat import byte_bpe

Ranges = tuple[tuple[int, int], ...]
"""Stretches of characters, in order, none empty, each as `(start, end)`."""
Marked = tuple[list[int], list[bool]]
"""The ids of a text, and for each whether it holds a supervised character."""

WORTH = 500_000
"""Characters that take about as long to read as the proof of `byte_bpe`; it is tried once so many were read."""


class Span(Struct, frozen=True, gc=False):
    """Text between control tokens."""

    text: str
    supervised: Ranges = ()
    behind: bool = False
    """Whether a control token stands in front of it.

    LLaMA's tokenizer, in one of its forms, puts a space in front of the first word of a whole text only.
    """


class _Tokens(Struct, frozen=True):
    """A tokenised text; the tokens of one character share its place."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class PlainText:
    """A tokenizer that finds no control string and adds nothing.

    Added tokens that are neither special nor control strings of the template stay words, as for `transformers`;
    Gemma's runs of newlines are such.
    """

    def __init__(self, tokenizer: Tokenizer, controls: Sequence[str]) -> None:
        settings = json.loads(tokenizer.to_str())
        added = [
            {**token, "special": token["special"] or token["content"] in controls} for token in settings["added_tokens"]
        ]
        plain = {**settings, "added_tokens": added, "post_processor": None}
        self._first = self._behind = _ignoring_controls(plain)
        inner = _inner(plain["pre_tokenizer"])
        if inner != plain["pre_tokenizer"]:
            self._behind = _ignoring_controls({**plain, "pre_tokenizer": inner})
        unknown = _unknown(settings["model"])
        self._forbidden = {token["id"] for token in added if token["special"] and token["content"] != unknown}
        self._form = byte_bpe.form(plain)
        self._fast: byte_bpe.ByteBpe | None = None
        self._read = 0

    def encode(self, spans: Sequence[Span]) -> dict[Span, Marked]:
        """Tokenise many spans."""
        found: dict[Span, Marked] = {}
        if fast := self._proven(spans):
            some = [span for span in spans if fast.reads(span.text)]
            for span, ids in zip(some, fast.ids([span.text for span in some]), strict=True):
                found[span] = ids, fast.mask(span.text, ids, span.supervised)
        rest = [span for span in spans if span not in found]
        for behind, placed in product((False, True), repeat=2):
            some = [span for span in rest if (span.behind, bool(span.supervised)) == (behind, placed)]
            tokenizer = self._of(behind)
            read = tokenizer.encode_batch if placed else tokenizer.encode_batch_fast
            encodings = read([span.text for span in some], add_special_tokens=False)
            found.update((span, self._marked(span, one)) for span, one in zip(some, encodings, strict=True))
        return found

    def ids(self, texts: Iterable[str]) -> list[list[int]]:
        """Tokenise many whole texts."""
        spans = [Span(text) for text in texts]
        found = self.encode(list(dict.fromkeys(spans)))
        return [found[span][0] for span in spans]

    def _proven(self, spans: Sequence[Span]) -> byte_bpe.ByteBpe | None:
        """Return what reads most texts faster, for a tokenizer that has one, once enough was read."""
        if self._form is not None:
            self._read += sum(len(span.text) for span in spans)
            if self._read >= WORTH:
                self._fast, self._form = byte_bpe.proven(self._form, self._first, self._forbidden), None
        return self._fast

    def _marked(self, span: Span, encoding: Encoding) -> Marked:
        ids = encoding.ids
        if not self._forbidden.isdisjoint(ids):
            tokens = self._cut(span.text, behind=span.behind)
            return tokens.ids, _overlaps(tokens.offsets, span.supervised)
        return ids, _overlaps(encoding.offsets, span.supervised) if span.supervised else [False] * len(ids)

    def _of(self, behind: bool) -> Tokenizer:
        return self._behind if behind else self._first

    def _cut(self, text: str, *, behind: bool = False) -> _Tokens:
        """Tokenise a text in pieces, cut inside every place that the model itself reads as a control token.

        This is for models that hold control strings in their vocabulary: Unigram takes such a piece as a word.
        """
        encoding = self._of(behind).encode(text, add_special_tokens=False)
        found = [place for id, place in zip(encoding.ids, encoding.offsets, strict=True) if id in self._forbidden]
        if not found:
            return _Tokens(encoding.ids, encoding.offsets)
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for start, end in found:
            if end - start < 2:
                raise ValueError(f"the tokenizer reads {text[start:end]!r} as a control token, even in plain text")
        for start, end in pairwise([0, *(start + 1 for start, _ in found), len(text)]):
            piece = self._cut(text[start:end], behind=behind or start > 0)
            ids += piece.ids
            offsets += [(low + start, high + start) for low, high in piece.offsets]
        return _Tokens(ids, offsets)


def _overlaps(offsets: Sequence[tuple[int, int]], ranges: Ranges) -> list[bool]:
    """Return, for each token, whether it holds a character of any range."""
    if len(ranges) == 1:
        low, high = ranges[0]
        return [start < high and end > low for start, end in offsets]
    return [any(start < high and end > low for low, high in ranges) for start, end in offsets]


def _ignoring_controls(settings: dict[str, Any]) -> Tokenizer:
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    tokenizer.encode_special_tokens = True
    return tokenizer


def _inner(settings: Any) -> Any:
    """Return a pre-tokenizer, or a list of them, that takes no text for the first of all."""
    if isinstance(settings, list):
        return [_inner(one) for one in settings]
    if not isinstance(settings, dict):
        return settings
    found = {key: _inner(value) for key, value in settings.items()}
    return {**found, "prepend_scheme": "never"} if found.get("prepend_scheme") == "first" else found


def _unknown(model: dict[str, Any]) -> str | None:
    """Return the `<unk>` of a tokenizer model, which is special but stands for real text."""
    if model.get("unk_id") is not None:
        return str(model["vocab"][model["unk_id"]][0])
    token: str | None = model.get("unk_token")
    return token
