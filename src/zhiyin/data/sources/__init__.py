"""The family of data sets. A member reads rows and turns each into one record.

Example, `sources/alpaca_json.py`:

    class AlpacaJson(FileRows, Source):
        yields = ConversationSet

        def record(self, row: Row) -> Conversation:
            question = text_field(row, "instruction")
            ...
            return Conversation(self.identify(row), turns(found), self.data_set)

`FileRows` (`data/files.py`) brings `rows()` for all that lies in files; a source that makes its rows writes its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.rows import BadRow as BadRow
from zhiyin.data.rows import Row as Row
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.jsonl import Rejected
from zhiyin.records.preference import Preference

Record = Document | Conversation | Preference


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
