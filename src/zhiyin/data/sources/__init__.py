"""The family of data sets. A member reads rows and turns each into one record.

Example, `sources/alpaca_json.py`:

    class AlpacaJson(Source):
        yields: ClassVar = ConversationSet

        def record(self, row: Row) -> Conversation:
            ...
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Struct
from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference

Record = Document | Conversation | Preference


class Row(Struct, frozen=True):
    """One raw row and where it stood."""

    where: str
    """`file:line` for line formats, `file:index` (from 1) for an array."""
    value: Mapping[str, Any]


class BadRow(ValueError):
    """A row that cannot become a record; the message is the reason it is set aside with."""


class Source(Plugin, ABC):
    """One data set: how its rows are found, and what record each becomes."""

    yields: ClassVar[type[TextSet] | type[ConversationSet] | type[PreferenceSet]]

    @abstractmethod
    def rows(self) -> Iterator[Row | Rejected]:
        """Yield every row in file order; a line that is not even a row is yielded as `Rejected`."""

    @abstractmethod
    def record(self, row: Row) -> Record:
        """Turn one row into a record; raises `BadRow` with a reason when that cannot be done."""


AnySource = Annotated[SerializeAsAny[Source], choice(Source)]
