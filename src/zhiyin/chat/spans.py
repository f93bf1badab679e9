"""Text that holds no control token, whatever is typed in it: what stands between two control tokens."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from tokenizers import Tokenizer

Offsets = list[tuple[int, int]]
"""The characters of each token, as `(start, end)` in its text; the tokens of one character share its place."""


class Tokens(Struct, frozen=True):
    """A tokenised text; `offsets` has one entry for each id."""

    ids: list[int]
    offsets: Offsets


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

    def encode(self, texts: Sequence[str], *, behind: bool = False) -> list[Tokens]:
        """Tokenise many texts, with their offsets; `behind` says that each stands behind a control token.

        LLaMA's tokenizer, in one of its forms, puts a space in front of the first word of a whole text only.
        """
        encodings = self._of(behind).encode_batch(texts, add_special_tokens=False)
        return [
            Tokens(encoding.ids, encoding.offsets)
            if self._forbidden.isdisjoint(encoding.ids)
            else self._cut(text, behind=behind)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenise many whole texts; twice as fast as `encode`."""
        encodings = self._first.encode_batch_fast(texts, add_special_tokens=False)
        return [
            encoding.ids if self._forbidden.isdisjoint(encoding.ids) else self._cut(text).ids
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def _of(self, behind: bool) -> Tokenizer:
        return self._behind if behind else self._first

    def _cut(self, text: str, *, behind: bool = False) -> Tokens:
        """Tokenise a text in pieces, cut inside every place that the model itself reads as a control token.

        This is for models that hold control strings in their vocabulary: Unigram takes such a piece as a word.
        """
        encoding = self._of(behind).encode(text, add_special_tokens=False)
        found = [place for id, place in zip(encoding.ids, encoding.offsets, strict=True) if id in self._forbidden]
        if not found:
            return Tokens(encoding.ids, encoding.offsets)
        ids: list[int] = []
        offsets: Offsets = []
        for start, end in found:
            if end - start < 2:
                raise ValueError(f"the tokenizer reads {text[start:end]!r} as a control token, even in plain text")
        for start, end in pairwise([0, *(start + 1 for start, _ in found), len(text)]):
            piece = self._cut(text[start:end], behind=behind or start > 0)
            ids += piece.ids
            offsets += [(low + start, high + start) for low, high in piece.offsets]
        return Tokens(ids, offsets)


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
