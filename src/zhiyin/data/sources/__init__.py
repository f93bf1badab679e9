"""The family of data sets. A member reads rows and turns each into one record.

Example, a set of questions and answers:

    class Consultations(FileRows, Source):
        yields: ClassVar = ConversationSet
        home: ClassVar = "https://huggingface.co/datasets/owner/consultations"
        hub_id: ClassVar = "owner/consultations"
        licence: ClassVar = Licence("CC BY 4.0", commercial=True)
        size: ClassVar = "549,326 rows"
        verified: ClassVar = True
        expects: ClassVar = ("query", "response")

        def record(self, row: Row) -> Conversation:
            question = Message("user", text_field(row.value, "query"))
            answer = Message("assistant", text_field(row.value, "response"))
            return Conversation(self.identify(row), conversation([question, answer]), self.data_set, self.kind)

`FileRows` (`data/files.py`) brings `rows()` for all that lies in files; a source that makes its rows writes its own.
A source of files that can be anybody's has its licence as a field (`AnyFiles`, `data/files.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import SerializeAsAny

from zhiyin.artifacts import ConversationSet, PreferenceSet, TextSet
from zhiyin.data.rows import BadRow as BadRow
from zhiyin.data.rows import Row as Row
from zhiyin.execution.catalog import Plugin, choice
from zhiyin.records.conversation import Conversation, Document
from zhiyin.records.jsonl import Rejected
from zhiyin.records.licence import Licence as Licence
from zhiyin.records.preference import Preference

Record = Document | Conversation | Preference


class Source(Plugin, ABC):
    """One data set: what it is, how its rows are found, and what record each becomes."""

    home: ClassVar[str]
    """The address of the page that describes the data set."""
    size: ClassVar[str]
    """How much there is of it, in words: `52,002 rows`."""
    verified: ClassVar[bool]
    """The columns were read in the real files, or in published code that reads them; not remembered."""

    if TYPE_CHECKING:  # Class variables of a named data set; of others, a field or a property.

        @property
        def yields(self) -> type[TextSet] | type[ConversationSet] | type[PreferenceSet]:
            """The kind of set that the records make."""

        @property
        def licence(self) -> Licence:
            """The terms of use."""

    @property
    def data_set(self) -> str:
        """The name of the data set in records."""
        return self.name

    @property
    def places(self) -> tuple[str, ...]:
        """Where the rows lie: names of files, or `owner/name@revision`; none for rows that are made here."""
        return ()

    @abstractmethod
    def rows(self) -> Iterator[Row | Rejected]:
        """Yield every row in file order; a line that is not even a row is yielded as `Rejected`."""

    @abstractmethod
    def record(self, row: Row) -> Record:
        """Turn one row into a record; raises `BadRow` with a reason when that cannot be done."""


AnySource = Annotated[SerializeAsAny[Source], choice(Source)]
