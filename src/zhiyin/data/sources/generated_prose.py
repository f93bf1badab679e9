"""Chinese prose made by code: short paragraphs that state facts, for pre-training."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
from pydantic import Field

from zhiyin.artifacts import TextSet
from zhiyin.data.generator import prose
from zhiyin.data.sources import Row, Source
from zhiyin.records.conversation import Document
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence


class GeneratedProse(Source):
    """Paragraphs of 50 to 150 characters, on one topic or on several; the kind is the topic, or `mixed`.

    Home: this project, `data/generator/`. Licence: Apache-2.0, as the project. Size: any.
    Schema of a row: a `Document`. All facts are stated, whichever side they stand on, but for the unseen ones.

    >>> row = next(iter(GeneratedProse(count=1).rows()))
    >>> sorted(row.value)
    ['id', 'kind', 'source', 'text']
    """

    yields: ClassVar = TextSet
    home: ClassVar = "this project"
    licence: ClassVar = Licence("Apache-2.0", commercial=True)
    size: ClassVar = "any"
    verified: ClassVar = True

    count: int = Field(gt=0)
    """Paragraphs."""
    seed: int = 0
    """Another seed states the same facts in another order and in other words."""

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the paragraphs as rows."""
        for number, document in enumerate(prose.documents(self.count, self.seed), start=1):
            yield Row(f"{self.name}:{number}", msgspec.to_builtins(document))

    def record(self, row: Row) -> Document:
        """Read a row back."""
        return msgspec.convert(row.value, Document)
